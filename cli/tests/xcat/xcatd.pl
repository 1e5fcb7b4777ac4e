# Stands in for the process of xcatd that answers a client: PLUGIN [BUSY | handled]. PLUGIN is a plugin's file. Standard input and
# output are the client's connection: one request as a JSON object on a line, then the responses, one JSON object a line. How a
# plugin is called and how its messages are read is as in xcatd 2.18 (sbin/xcatd: plugin_command, relay_fds, convey_response,
# dispatch_request). The policy table, the noderange and TLS are not here. BUSY: seconds that it writes its log, as xcatd does
# between the start of the plugin and the first message that it reads; the end of the plugin interrupts that.
use strict;
use warnings;
use Fcntl;
use File::Basename qw(basename);
use IO::Handle;
use IO::Select;
use JSON::PP;
use POSIX qw(:signal_h WNOHANG setpgid);
use Socket;
use Storable qw(store_fd fd_retrieve);

my $json = JSON::PP->new->canonical->utf8;
my ($plugin, $busy) = @ARGV;
require $plugin;
my $module = 'xCAT_plugin::' . basename($plugin, '.pm');

my %children;
my $client = IO::Select->new(\*STDIN);
STDOUT->autoflush(1);
# a client that is gone is no reason to end
$SIG{PIPE} = sub { };

if (($busy || '') eq 'handled') {
    print $json->encode($module->can('handled_commands')->()), "\n";
    exit;
}
my $line = '';
while ($line !~ /\n/) { sysread(STDIN, $line, 1, length $line) or exit 1 }
plugin_command($json->decode($line));

sub plugin_command {
    my ($request) = @_;
    local $SIG{CHLD} = \&reaper;
    socketpair(my $ours, my $theirs, AF_UNIX, SOCK_STREAM, PF_UNSPEC) or die "socketpair: $!";
    $_->autoflush(1), binmode($_, ':utf8') for $ours, $theirs;
    my $blocked = POSIX::SigSet->new(SIGCHLD);
    sigprocmask(SIG_BLOCK, $blocked);
    my $child = fork;
    die "fork: $!" if !defined $child;
    if (!$child) {
        sigprocmask(SIG_UNBLOCK, $blocked);
        setpgid(0, 0);
        close $ours;
        dispatch_request($request, sub { convey_response($theirs, @_) });
        close $theirs;
        exit 0;
    }
    $children{$child} = 1;
    sigprocmask(SIG_UNBLOCK, $blocked);
    close $theirs;
    my $fds = IO::Select->new($ours);
    my @responses;
    for (my $ticks = 0; %children and $ticks < ($busy || 0) * 100; $ticks++) { select undef, undef, undef, 0.01 }
    my $next = time + 1;
    # one message a round while the child lives, and one after its end
    while (%children and $fds->count > 0) {
        relay_fds($fds, \@responses);
        if (time > $next) {
            $next = time + 1;
            send_responses(\@responses);
        }
    }
    relay_fds($fds, \@responses) if $fds->count > 0;
    send_responses(\@responses);
    print qq({"serverdone":[null]}\n);
}

sub reaper {
    local ($!, $?);
    while ((my $pid = waitpid -1, WNOHANG) > 0) { delete $children{$pid} }
}

sub dispatch_request {
    my ($request, $callback) = @_;
    $SIG{CHLD} = 'DEFAULT';
    my $parts = $module->can('preprocess_request')->($request, $callback);
    $SIG{TERM} = $SIG{INT} = 'DEFAULT';
    $module->can('process_request')->($_, $callback, sub { die 'no request of its own' }) for @$parts;
}

sub convey_response {
    my ($channel, $response) = @_;
    eval { store_fd($response, $channel) };
}

sub relay_fds {
    my ($fds, $responses) = @_;
    for my $ready ($fds->can_read(1)) {
        my $response = eval { fd_retrieve($ready) };
        if ($@ and $@ =~ /^Magic number checking on storable file/) {
            $fds->remove($ready);
            close $ready;
        }
        elsif (!$@) { push @$responses, $response }
    }
    if ($client->can_read(0)) {
        sysread STDIN, my $more, 65536;
        abort($fds) if $more and $more =~ /abortcommand/;
    }
}

# the client was interrupted
sub abort {
    my ($fds) = @_;
    for my $child (keys %children) {
        for my $signal (qw(INT TERM)) { kill $signal, -$child; kill $signal, $child }
    }
    for my $handle ($fds->handles) {
        print $handle "die\n";
        close $handle;
    }
    exit 0;
}

# blocks as long as the client does not read
sub send_responses {
    my ($responses) = @_;
    print $json->encode($_), "\n" for splice @$responses;
}
