# A DNS client and a server, for the network namespaces of containers and hosts.
#
#   ask SERVER TYPE NAME [tcp]          prints the response code, TC if the answer is truncated, and the sorted records
#   load SERVER NAME RATE FILE          asks RATE times a second as long as FILE, which it creates, exists; prints the number of
#                                       requests, and of those that were not answered
#   serve ADDRESS RECORD                answers each request for an address with RECORD
use strict;
use warnings;
use Socket qw(:all);

my %codes = (0 => 'NOERROR', 2 => 'SERVFAIL', 3 => 'NXDOMAIN', 5 => 'REFUSED');
my %types = (A => 1, PTR => 12, AAAA => 28);
use constant SO_RCVBUFFORCE => 33;

# seconds, in hundredths
sub now {
    open my $uptime, '<', '/proc/uptime' or die "uptime: $!";
    return (split ' ', <$uptime>)[0];
}

sub query {
    my ($id, $name, $type) = @_;
    my $labels = join '', map { pack 'C/a*', $_ } split /\./, $name;
    return pack('n6', $id, 0x0100, 1, 0, 0, 0) . "$labels\0" . pack('nn', $types{$type}, 1);
}

sub after_name {
    my ($message, $at) = @_;
    while (my $length = ord substr $message, $at, 1) {
        return $at + 2 if $length >= 192;
        $at += $length + 1;
    }
    return $at + 1;
}

sub name_at {
    my ($message, $at) = @_;
    my @labels;
    while (my $length = ord substr $message, $at, 1) {
        if ($length >= 192) { $at = unpack('n', substr $message, $at, 2) & 0x3fff; next }
        push @labels, substr $message, $at + 1, $length;
        $at += $length + 1;
    }
    return join '.', @labels;
}

sub shown {
    my $message = shift;
    my (undef, $flags, undef, $count) = unpack 'n4', $message;
    my ($at, @records) = (after_name($message, 12) + 4);
    for (1 .. $count) {
        $at = after_name($message, $at);
        my ($type, undef, undef, $length) = unpack 'nnNn', substr $message, $at, 10;
        my $data = substr $message, $at + 10, $length;
        push @records, $type == 1 ? inet_ntoa($data) : $type == 28 ? inet_ntop(AF_INET6, $data) : name_at($message, $at + 10);
        $at += 10 + $length;
    }
    return join ' ', $codes{$flags & 15} // $flags & 15, $flags & 0x200 ? 'TC' : (), @records ? join(',', sort @records) : ();
}

sub client {
    my ($server, $type) = @_;
    socket my $socket, AF_INET, $type, 0 or die "socket: $!";
    setsockopt $socket, SOL_SOCKET, SO_RCVTIMEO, pack 'l!l!', 10, 0 or die "timeout: $!";
    # room for all answers after a pause
    setsockopt $socket, SOL_SOCKET, SO_RCVBUFFORCE, pack 'i', 4 << 20 or die "buffer: $!";
    connect $socket, pack_sockaddr_in(53, inet_aton($server)) or die "connect: $!";
    return $socket;
}

sub ask {
    my ($server, $type, $name, $transport) = @_;
    my $query = query(4711, $name, $type);
    my $message = '';
    if ($transport) {
        my $socket = client($server, SOCK_STREAM);
        syswrite $socket, pack('n', length $query) . $query;
        while (length $message < 2 || length $message < 2 + unpack 'n', $message) {
            sysread $socket, $message, 65536, length $message or die "no answer: $!\n";
        }
        $message = substr $message, 2;
    } else {
        my $socket = client($server, SOCK_DGRAM);
        send $socket, $query, 0;
        defined recv $socket, $message, 65536, 0 or die "no answer: $!\n";
    }
    print shown($message), "\n";
}

sub load {
    my ($server, $name, $rate, $file) = @_;
    my $socket = client($server, SOCK_DGRAM);
    open my $handle, '>', $file or die "$file: $!";
    my ($begun, $sent, $ended, %open) = (now(), 0);
    while (!$ended || %open && now() - $ended < 10) {
        $ended ||= now() if !-e $file;
        while (!$ended && $sent < (now() - $begun) * $rate) {
            send $socket, query($sent % 65536, $name, 'A'), 0 or next;
            $open{$sent++ % 65536} = 1;
        }
        while (defined recv $socket, my $message, 512, MSG_DONTWAIT) {
            delete $open{unpack 'n', $message} if shown($message) =~ /^NOERROR \d/;
        }
        select undef, undef, undef, 0.001;
    }
    print "$sent ", scalar(keys %open), "\n";
}

sub serve {
    my ($address, $record) = @_;
    socket my $socket, AF_INET, SOCK_DGRAM, 0 or die "socket: $!";
    bind $socket, pack_sockaddr_in(53, inet_aton($address)) or die "bind: $!";
    while (1) {
        my $from = recv $socket, my $message, 4096, 0 or next;
        my $question = substr $message, 12, after_name($message, 12) + 4 - 12;
        my ($id) = unpack 'n', $message;
        my $answer = pack 'n3Nn', 0xc00c, 1, 1, 60, 4;
        send $socket, pack('n6', $id, 0x8180, 1, 1, 0, 0) . $question . $answer . inet_aton($record), 0, $from;
    }
}

my ($command, @words) = @ARGV;
my %commands = (ask => \&ask, load => \&load, serve => \&serve);
$commands{$command}->(@words);
