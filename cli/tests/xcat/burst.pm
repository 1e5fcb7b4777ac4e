# A plugin as most of xCAT's are: a message for each answer, and then it ends.
package xCAT_plugin::burst;

use strict;
use warnings;

sub preprocess_request { return [ $_[0] ] }

sub process_request {
    my ($request, $callback) = @_;
    $callback->({ node => [ { name => ["c$_"], data => ['created'] } ] }) for 1 .. $request->{arg}[0];
}

1;
