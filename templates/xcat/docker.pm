# xCAT's plugin for container nodes (nodehm.mgt=docker). It passes every request to xdock and returns the answers: xdock prints
# each response of xCAT as one JSON object a line. Laid here by xdock init.
package xCAT_plugin::docker;

use strict;
use warnings;

use Config;
use Socket qw(SOL_SOCKET SO_PEERCRED);
use Time::HiRes qw(time);

# JSON::PP is in core Perl, but some distributions split it off; xCAT itself needs JSON
BEGIN {
    eval { require JSON::PP; JSON::PP->import('decode_json'); 1 }
      or do { require JSON; JSON->import('decode_json') };
}

# While a plugin runs, xcatd reads one message from it in each round. After the plugin has ended, xcatd reads one more and drops
# the rest, which may already be in its read buffer (xcatd, plugin_command and relay_fds). So the plugin merges answers into few
# messages, sends a message only when xcatd has read the one before, and ends when xcatd has read the last one.

# seconds between two messages: the first answer goes out at once, many answers that follow share a message
my $INTERVAL = 0.1;

# characters of answers that wait for xcatd: below the buffer of a socket (net.core.wmem_default), so that sending does not block
my $MOST = 65536;

# TIOCOUTQ of <asm/ioctls.h>: how much the other end of a socket has not read yet
my $TIOCOUTQ = $Config{archname} =~ /^(?:ppc|powerpc)/ ? 0x40047473 : 0x5411;

# Within one response xCAT's client prints errors, warnings, nodes and data in this order, and everything after the first failed
# node to standard error (xCAT::Client, handle_response). An answer may not join a response that would print it too early.
my %PRINTED_LATER = (error => [qw(warning failed)], warning => ['failed'], node => ['data'], failed => [], data => []);

# xcatd checks its policy table before it calls the plugin. Hosts have another management method, and lsdocker lists them too.
sub handled_commands {
    my %ours = map { $_ => 'nodehm:mgt' } qw(rpower mkdocker rmdocker mkvm rmvm lsvm);
    return { %ours, lsdocker => 'nodehm:mgt=docker|ipmi|kvm' };
}

# one request for all nodes: xdock reaches every docker host from the management node
sub preprocess_request {
    my ($request) = @_;
    return [ {%$request} ];
}

sub process_request {
    my ($request, $callback) = @_;
    my $command = $request->{command}[0];
    my @words = grep { defined } map { ref $_ ? @$_ : $_ } $request->{arg};
    my $queue = { callback => $callback, channels => [ channels() ], parent => getppid, sent => 0, messages => [], size => 0 };

    # xcatd's own handler would take the exit status, and its PATH may be short
    local $SIG{CHLD} = 'DEFAULT';
    local $ENV{PATH} = join ':', $ENV{PATH} || (), qw(/usr/local/sbin /usr/local/bin /usr/sbin /usr/bin /sbin /bin);

    # a list: no shell reads the words
    my @xdock = ('xdock', 'xcatd', $command, @{ $request->{node} || [] }, '--', @words);
    no warnings 'exec';
    # set before xdock starts: a signal may come at once
    my $pid;
    local @SIG{qw(INT TERM)} = map { stop_with($_, \$pid) } qw(INT TERM);
    $pid = open(my $answers, '-|', @xdock);
    if (!$pid) {
        add($queue, failure("cannot run xdock for $command: $!"));
        return finish($queue);
    }

    relay($answers, $queue) or kill 'TERM', $pid;
    close $answers;
    # its number may now be another process's
    undef $pid;

    # 1: a failure that xdock has reported
    if ($? != 0 and $? != 256) {
        add($queue, failure("xdock $command ended with status $?; is it older than its plugin?"));
    }
    finish($queue);
}

# The handler of a signal that ends the plugin: xdock ends with it.
sub stop_with {
    my ($signal, $pid) = @_;
    return sub { kill 'TERM', $$pid if $$pid; $SIG{$signal} = 'DEFAULT'; kill $signal, $$ };
}

# Sends the answers while xdock runs; false if xcatd has ended.
sub relay {
    my ($answers, $queue) = @_;
    my ($rest, $is_open) = ('', 1);
    while ($is_open) {
        return if is_orphan($queue);
        send_next($queue) if time - $queue->{sent} >= $INTERVAL or is_full($queue);
        if (is_full($queue)) {
            pause($queue);
        }
        elsif (is_readable($answers, @{ $queue->{messages} } ? $INTERVAL / 2 : 1)) {
            $is_open = sysread($answers, $rest, 65536, length $rest);
            my @lines = split /(?<=\n)/, $rest;
            $rest = @lines && $lines[-1] !~ /\n\z/ ? pop @lines : '';
            add($queue, decoded($_), length) for @lines;
        }
    }
    add($queue, decoded($rest), length $rest) if length $rest;
    return 1;
}

# Sends the remaining answers and waits until xcatd has read them.
sub finish {
    my ($queue) = @_;
    until (is_orphan($queue)) {
        send_next($queue);
        return if !@{ $queue->{messages} } and !unread($queue);
        pause($queue);
    }
}

sub is_readable {
    my ($file, $seconds) = @_;
    vec(my $ready = '', fileno $file, 1) = 1;
    return select($ready, undef, undef, $seconds) > 0;
}

# waits longer each time: a client may be slow, or stopped
sub pause {
    my ($queue) = @_;
    $queue->{pause} = $queue->{pause} ? $queue->{pause} * 2 : 0.001;
    $queue->{pause} = 0.05 if $queue->{pause} > 0.05;
    select undef, undef, undef, $queue->{pause};
}

# the process that reads the answers is the parent
sub is_orphan { my ($queue) = @_; return @{ $queue->{channels} } && getppid != $queue->{parent} }

sub is_full { my ($queue) = @_; return $queue->{size} >= $MOST }

sub failure { return { error => [ $_[0] ], errorcode => [1] } }

sub decoded {
    my ($line) = @_;
    return eval { decode_json($line) } || failure("xdock: $line");
}

sub kind {
    my ($answer) = @_;
    my ($node) = @{ $answer->{node} || [] };
    return $node->{error} ? 'failed' : 'node' if $node;
    my ($kind) = grep { $answer->{$_} } qw(error warning data);
    return $kind;
}

# Adds an answer to the last message, or to a new one where the client would print it too early.
sub add {
    my ($queue, $answer, $size) = @_;
    my $kind = kind($answer) or return;
    my $last = $queue->{messages}[-1];
    if (!$last or grep { $last->{$_} } @{ $PRINTED_LATER{$kind} }) {
        push @{ $queue->{messages} }, $last = {};
    }
    push @{ $last->{$kind} }, @{ $kind eq 'failed' ? $answer->{node} : $answer->{$kind} };
    push @{ $last->{errorcode} }, @{ $answer->{errorcode} } if $answer->{errorcode};
    $queue->{size} += $size || 0;
}

# Sends the oldest message if xcatd has read the one before.
sub send_next {
    my ($queue) = @_;
    return if !@{ $queue->{messages} } or unread($queue);
    my $message = shift @{ $queue->{messages} };
    my $failed = delete $message->{failed};
    push @{ $message->{node} }, @$failed if $failed;
    $queue->{callback}->($message);
    $queue->{sent} = time;
    $queue->{pause} = 0;
    $queue->{size} = 0 if !@{ $queue->{messages} };
}

# The sockets to the process that reads the answers, which made them; xcatd does not tell its plugins which one its callback
# writes to. Without xcatd (XCATBYPASS) there is none.
sub channels {
    my @found;
    for my $number (grep { $_ > 2 } map { m{(\d+)$} } glob '/proc/self/fd/*') {
        next if !-S "/proc/self/fd/$number";
        open(my $copy, '+<&', $number) or next;
        my $maker = getsockopt($copy, SOL_SOCKET, SO_PEERCRED) or next;
        push @found, $copy if unpack('i', $maker) == getppid;
    }
    return @found;
}

# How much xcatd has not read yet: 0 only when it has read all.
sub unread {
    my ($queue) = @_;
    my $all = 0;
    for my $channel (@{ $queue->{channels} }) {
        my $count = pack 'i', 0;
        $all += unpack 'i', $count if ioctl $channel, $TIOCOUTQ, $count;
    }
    return $all;
}

1;
