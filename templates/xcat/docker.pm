# xCAT's plugin of container nodes (nodehm.mgt=docker). It hands every request to xdock, and hands on what that answers: a
# response of xCAT as one JSON object a line. Laid here by xdock init.
package xCAT_plugin::docker;

use strict;
use warnings;

# core Perl, where it is not taken out of it; xCAT itself needs the other
BEGIN {
    eval { require JSON::PP; JSON::PP->import('decode_json'); 1 }
      or do { require JSON; JSON->import('decode_json') };
}

# xcatd asks its policy table before it comes here. Hosts have other kinds of management, and lists of their own.
sub handled_commands {
    my %ours = map { $_ => 'nodehm:mgt' } qw(rpower mkdocker rmdocker mkvm rmvm lsvm);
    return { %ours, lsdocker => 'nodehm:mgt=docker|ipmi|kvm' };
}

# on the management node: xdock reaches every docker host from there
sub preprocess_request {
    my ($request) = @_;
    return [ {%$request} ];
}

sub process_request {
    my ($request, $callback) = @_;
    my $command = $request->{command}[0];
    my @words = grep { defined } map { ref $_ ? @$_ : $_ } $request->{arg};

    # xcatd's own handler would take the status away, and its PATH may be bare
    local $SIG{CHLD} = 'DEFAULT';
    local $ENV{PATH} = join ':', $ENV{PATH} || (), qw(/usr/local/sbin /usr/local/bin /usr/sbin /usr/bin /sbin /bin);

    my $wrong = sub { $callback->({ error => [ $_[0] ], errorcode => [1] }) };
    # words in a list: no shell reads them
    my @xdock = ('xdock', 'xcatd', $command, @{ $request->{node} || [] }, '--', @words);
    no warnings 'exec';
    open(my $answers, '-|', @xdock) or return $wrong->("cannot run xdock for $command: $!");
    while (my $line = <$answers>) {
        my $response = eval { decode_json($line) };
        $response ? $callback->($response) : $wrong->("xdock: $line");
    }
    close $answers;

    # 1 is that of a failure which xdock told
    $wrong->("xdock $command ended with status $?; is it older than its plugin?") if $? != 0 and $? != 256;
}

1;
