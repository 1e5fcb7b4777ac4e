# Stands in for xCAT's client: XCATD PLUGIN [DELAY [BUSY]]. It gives the request on standard input to the stand-in of xcatd, prints
# the responses, and ends with their status. What goes where, and in which order, is as in xCAT::Client 2.18 (handle_response); "mn"
# is the machine. DELAY: seconds between two responses that it reads. BUSY: xcatd's. SIGINT and SIGTERM abort the command, as Ctrl-C
# does there.
use strict;
use warnings;
use IPC::Open2;
use JSON::PP;

my ($xcatd, $plugin, $delay, $busy) = @ARGV;
my $json = JSON::PP->new->utf8;
my $status = 0;
binmode $_, ':utf8' for *STDOUT, *STDERR;
$| = 1;

my $server = open2(my $responses, my $requests, $^X, '-w', $xcatd, $plugin, $busy || 0);
$SIG{INT} = $SIG{TERM} = sub { syswrite $requests, qq({"abortcommand":[1]}\n); waitpid $server, 0; exit 0 };
syswrite $requests, scalar <STDIN>;
my $is_done = 0;
while (my $line = <$responses>) {
    my $response = $json->decode($line);
    $is_done = 1, last if $response->{serverdone};
    handle_response($response);
    select undef, undef, undef, $delay if $delay;
}
waitpid $server, 0;
if (!$is_done) {
    print STDERR "ERROR/WARNING: communication with the xCAT server seems to have been ended prematurely\n";
    $status = 1;
}
exit $status;

sub handle_response {
    my ($response) = @_;
    $status |= $_ for @{ $response->{errorcode} || [] };
    print STDERR "Error: [mn]: $_\n" for @{ $response->{error} || [] };
    print STDERR "Warning: [mn]: $_\n" for @{ $response->{warning} || [] };
    # set by the first node that failed, and never unset
    my $failed = 0;
    for my $node (@{ $response->{node} || [] }) {
        my $text = $node->{name}[0];
        $status |= $_ for @{ $node->{errorcode} || [] };
        if ($node->{error}) {
            $text .= ": [mn]: Error: $node->{error}[0]";
            $failed = 1;
        }
        $text .= ": $node->{data}[0]" if $node->{data};
        print { $failed ? *STDERR : *STDOUT } "$text\n";
    }
    print "$_\n" for grep { $_ } @{ $response->{data} || [] };
}
