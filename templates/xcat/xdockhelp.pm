# Help for xCAT's docker commands on an xCAT that has none (2.19 and later): `mkdocker -h` names no node, and without nodes xcatd
# asks only a plugin that a command names directly, not one that it finds in a table. Laid here by xdock init.
package xCAT_plugin::xdockhelp;

use strict;
use warnings;

use File::Basename qw(dirname);

# Up to 2.18 xCAT's own help plugin has the commands. xcatd loads plugins by name, so it is there first.
sub handled_commands {
    my $own = xCAT_plugin::AAAhelp->can('handled_commands');
    my $known = $own ? $own->() : {};
    return { map { $_ => 'xdockhelp' } grep { !$known->{$_} } qw(mkdocker rmdocker lsdocker) };
}

# Nodes come here that no plugin takes; xcatd reports them itself.
sub preprocess_request {
    my ($request) = @_;
    return @{ $request->{node} || [] } ? [] : [ {%$request} ];
}

sub process_request {
    # by the path that xcatd loads it by, so that it is not loaded twice
    require(dirname(__FILE__) . '/docker.pm');
    return xCAT_plugin::docker::process_request(@_);
}

1;
