//! What `--help` teaches, by example.

pub(super) const XDOCK: &str = "\
A first container:
  xdock def host1c1 mgt=docker ip=10.99.1.1 vmhost=host1 provmethod='debian!sleep,inf'
  xdock check
  xdock mk host1c1 --start
  xdock power host1c1 state

One line a node, NODE: TEXT, in the order of the noderange; errors on standard error.
Exit status: 0 all done, 1 some node failed (the others were done), 2 nothing was done.";

pub(super) const NODES: &str = "\
Examples:
  xdock nodes host1c[1-3]
  xdock nodes docker,-host2c5
  xdock nodes mgt==docker@vm.host==host1
  xdock nodes host1c1 -i ip,mac,dockerhost";

pub(super) const DEF: &str = "\
Examples:
  xdock def host1c[1-9] groups=docker mgt=docker vmhost=host1 'ip=|host1c(\\d+)|10.99.1.($1)|'
  xdock def host1c1 vmcpus=2 vmmemory=512 vmothersetting='restart=always;port=8080:80;link=host2c1:db'
  xdock def host1c1 nicips.eth1=10.98.1.1 nicnetworks.eth1=net98
  xdock def host1c1 provmethod='busybox![\"sh\",\"-c\",\"echo a, b; sleep 9\"]'     (a command with commas in its words)
  xdock def host1c1 vmcpus=              (removes the attribute)

vmothersettings: items separated by ; or , (quotes keep a value together: env=\"A=1,2\"):
  port link restart env label      [IP:]HOSTPORT:PORT  NODE:ALIAS  always  NAME=VALUE  NAME=VALUE
  entrypoint user workdir tty      WORDS  NAME:GROUP  /srv  yes
  domain dns dnssearch dnsoption   lab.test  10.99.0.1  lab.test  ndots:2
  swap pids shm ulimit             0 (beside vmmemory)  100  64m  nofile=1024:2048
  device gpus capadd capdrop privileged   /dev/fuse  all  NET_ADMIN  MKNOD  yes
  stopsignal stoptimeout           SIGINT  30
  health healthinterval healthtimeout healthstart healthretries   'test -e /ok'  30s  5s  1m  3
  docker                           '{\"HostConfig\":{\"Init\":true}}'   (Docker's own JSON)

On xCAT's own tables use chdef and mkdef.";

pub(super) const UNDEF: &str = "\
Example:
  xdock undef host1c[4-9]

A container that runs goes on running; remove it with xdock rm first.";

pub(super) const CHECK: &str = "\
Finds duplicate addresses and names, unknown hosts and networks, addresses outside of their networks.
Exit status: 0 no error, 1 errors were found, 2 the tables cannot be read.

Example:
  xdock check";

pub(super) const PLAN: &str = "\
Examples:
  xdock plan host1
  xdock plan host1 --json";

pub(super) const SYNC: &str = "\
Each host gets the part of the tables that it needs; mk does this by itself.

Examples:
  xdock sync host1
  xdock sync mgt==ipmi";

pub(super) const MK: &str = "\
Everything of all nodes is checked before anything is made. A container that is there already is compared with the tables: one
that differs is left alone, and told with its fields, unless --replace is there. Then the old one goes on until the new one is
made, and comes back where the new one does not stay up.

Examples:
  xdock mk host1c[1-3],host2c[1-3] --start
  xdock mk host1c1 image=debian:12 command=sleep,inf
  xdock mk docker --dry-run
  xdock mk docker --replace --dry-run     (what differs)
  xdock mk docker --replace
  xdock mk docker --strict                (warnings are errors)";

pub(super) const RM: &str = "\
Nothing is asked; one that runs is removed with -f only. Volumes that have a name stay.

Examples:
  xdock rm host1c3
  xdock rm -f --volumes docker@vm.host==host1";

pub(super) const POWER: &str = "\
Waits until the container has reached the new state. A container that ends at once after on, reset or restart is an error, shown
with the end of its log; one that ends with exit status 0 has done its job, which is success.

Examples:
  xdock power host1c[1-3] on
  xdock power docker state
  xdock power host1c1 restart

xCAT's words work too: start, stop, softoff, boot, cycle, stat, status.";

pub(super) const LS: &str = "\
-l is a table at a terminal (NO_COLOR: without colours), a line a container where it is piped.

Examples:
  xdock ls docker
  xdock ls host1c1 -l
  xdock ls host1              (what is on that host, also what is in no table)";

pub(super) const LOGS: &str = "\
Examples:
  xdock logs host1c1
  xdock logs host1c[1-3] -f --tail 10";

pub(super) const CONS: &str = "\
Attaches to the container's own terminal; one that has none gets a shell (bash, ash or sh) in it.
Ctrl-] leaves, and the container goes on; Ctrl-C and everything else goes inside. A container that does
not run yet is waited for, and one that is restarted is connected with again: what it wrote meanwhile is
shown once. Through a pipe: what it reads is typed, and its end ends nothing.

Examples:
  xdock cons host1c1
  xdock cons host1c1 --log 50             (its last 50 lines first)
  xdock cons host1c1 --exec
  xdock cons host1c1 --exec redis-cli -n 2
  echo reload | xdock cons host1c1

rcons does the same where xCAT has /opt/xcat/share/xcat/cons/docker. After a kill -9: stty sane";

pub(super) const EXEC: &str = "\
What a program writes is shown as NODE: LINE, its standard error on ours. Exit status: the highest of all programs; 1 where one
could not be run.

Examples:
  xdock exec host1c[1-3] -- cat /etc/os-release
  xdock exec docker -- sh -c 'df -h / | tail -1'";

pub(super) const HOST: &str = "\
Examples:
  xdock host host[1-3] status
  xdock host dockerhosts enroll
  xdock host host1 enroll --help";

pub(super) const HOST_STATUS: &str = "\
HOST: engine VERSION, API VERSION, tls DAYS days | ssh | unix, snapshot VERSION, netd ok, disk USED of ALL (DIRECTORY)
The disk is that on which the engine keeps images and containers. Exit status 1 where something is wrong with a host.

Examples:
  xdock host dockerhosts status
  xdock host host1 status --json";

pub(super) const HOST_ENROLL: &str = "\
By ssh the host makes a key, which never leaves it; it gets a certificate with its names and addresses of the tables, from an
authority that the first enroll makes in /var/lib/xdock/ca (or from [tls] ca and ca_key of the settings). Its engine then also
listens at PORT of the host's own address, for clients with a certificate of that authority only; containers go on. From then
on xdock speaks TLS with it. A certificate lasts 397 days; enroll renews it when less than 30 are left, or when names or addresses
changed: run it from cron. Nobody else is ever let in without TLS.

Examples:
  xdock host host[1-3] enroll
  xdock host dockerhosts enroll --dry-run
  xdock host host2 enroll --renew
  xdock host host2 enroll --revoke        (its key may be known to others; enroll then gives it a new one)
  DOCKER_CERT_PATH=/var/lib/xdock/ca docker --tlsverify -H tcp://host1:2376 ps

[engines] host1 = \"ssh://host1\" in the settings goes back to ssh.";

pub(super) const INIT: &str = "\
Installs the postscript stub in INSTALLDIR/postscripts and the programs in INSTALLDIR/xdock/ARCH. Where there is an xCAT (XCATROOT,
else /opt/xcat), also its plugin and console method for mgt=docker and the names of commands that it no longer has. A running
xcatd then loads its plugins again (rescanplugins). Files of others are kept in XCATROOT/share/xdock and INSTALLDIR/xdock/kept;
--undo puts them back as they were, with their times.

Installs and starts xdock-knock.socket, which listens on TCP port 3022. A docker host whose network changes asks there whether a
new ssh connection from this machine still reaches it. The helper connects only to the host that asks. Open the port for your
hosts; without it, a host's firewall rules are checked but the way in is not tested.

Examples:
  xdock init
  xdock init --undo
  xdock init --from target/x86_64-unknown-linux-gnu/debug";

pub(super) const COMPLETION: &str = "\
Examples:
  xdock completion bash > /etc/bash_completion.d/xdock
  xdock completion zsh > /usr/local/share/zsh/site-functions/_xdock
  xdock completion fish > /etc/fish/completions/xdock.fish";

pub(super) const MAN: &str = "\
Examples:
  xdock man /usr/local/share/man/man1
  xdock man | man -l -";
