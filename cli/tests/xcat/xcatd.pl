# Stands in for xcatd: gives the plugin each request of standard input (a JSON object a line), as xcatd does, and writes what its
# callback gets. What xcatd does by itself (policy, noderange) is not here.
use strict;
use warnings;
use JSON::PP;

my $json = JSON::PP->new->canonical->utf8;
my ($plugin) = @ARGV;
require $plugin;

# as xcatd has it while a plugin runs
$SIG{CHLD} = sub { 1 while waitpid(-1, 1) > 0 };

print $json->encode(xCAT_plugin::docker::handled_commands()), "\n";
while (my $line = <STDIN>) {
    my $request = $json->decode($line);
    my $callback = sub { print $json->encode($_[0]), "\n" };
    for my $part (@{ xCAT_plugin::docker::preprocess_request($request, $callback) }) {
        xCAT_plugin::docker::process_request($part, $callback, sub { die 'no request of its own' });
    }
}
