//! Long help texts: rules, exit status and examples of each command.

pub(super) const XDOCK: &str = "\
Create your first container:
  xdock def host1c1 mgt=docker ip=10.99.1.1 vmhost=host1 provmethod='debian!sleep,inf'
  xdock check
  xdock mk host1c1 --start
  xdock power host1c1 state

Output: one line per node, NODE: TEXT, in the order of the noderange. Errors go to standard error.
Exit status: 0 success, 1 some nodes failed (the others succeeded), 2 nothing was done.";

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
  xdock def host1c1 provmethod='busybox![\"sh\",\"-c\",\"echo a, b; sleep 9\"]'     (a command with commas in an argument)
  xdock def host1c1 'vmothersettings=docker={\"HostConfig\":{\"OomKillDisable\":true}}'     (single quotes keep those of JSON)
  xdock def host1c1 vmcpus=              (deletes the attribute)

vmothersettings: items separated by ; or , (quote a value that contains them: env=\"A=1,2\"; see docs/tables.md):
  port expose link extrahost       8000-8010:80-90/udp  7000  NODE:ALIAS  NAME:ADDRESS
  hostname domain                  web  lab.test
  dns dnssearch dnsoption          10.99.0.1,10.99.0.2  lab.test  ndots:2
  restart env label                always  NAME=VALUE  NAME=VALUE
  entrypoint user groupadd workdir init tty   WORDS  NAME:GROUP  audio,video  /srv  yes  yes
  swap memoryreservation cpushares pids oomscoreadj   0 (beside vmmemory)  256m  512  100  -500
  shm ulimit sysctl                64m  nofile=1024:2048  net.core.somaxconn=1024
  tmpfs readonly device gpus       /run:size=64m,mode=1777  yes  /dev/fuse  all
  capadd capdrop privileged securityopt   NET_ADMIN,SYS_TIME  MKNOD  yes  no-new-privileges
  ipc pid userns cgroupns cgroupparent runtime   shareable  host  host  private  /batch  runc
  logdriver logopt                 local  max-size=10m
  stopsignal stoptimeout           SIGINT  30
  health healthinterval healthtimeout healthstart healthstartinterval healthretries
                                   'test -e /ok'  30s  5s  1m  2s  3
  docker                           {\"HostConfig\":{\"BlkioWeight\":500}}   (JSON of Docker's API, for what has no item)
An option of docker run that is written here by its own name is refused, and the message says what to write.

If the tables are those of xCAT, use chdef and mkdef instead.";

pub(super) const UNDEF: &str = "\
Does not stop or remove the container; run xdock rm first.

Example:
  xdock undef host1c[4-9]";

pub(super) const CHECK: &str = "\
Reports duplicate addresses and names, unknown hosts and networks, and addresses outside their network.
Exit status: 0 no errors, 1 errors found, 2 the tables cannot be read.

Example:
  xdock check";

pub(super) const PLAN: &str = "\
Examples:
  xdock plan host1
  xdock plan host1 --json";

pub(super) const SYNC: &str = "\
Each host gets the part of the tables that it needs. mk does this automatically.
Containers with wrong rows are left out and reported; a running one keeps its addresses.

Examples:
  xdock sync host1
  xdock sync mgt==ipmi";

pub(super) const MK: &str = "\
Validates all nodes before it creates the first container. A node with wrong rows is refused; the others are created. If a
container exists and differs from the tables, mk reports the fields that differ and leaves the container alone. With --replace, it
recreates the container: the old one runs until the new one is created, and is restored if the new one does not stay up.

Examples:
  xdock mk host1c[1-3],host2c[1-3] --start
  xdock mk host1c1 image=debian:12 command=sleep,inf
  xdock mk docker --dry-run
  xdock mk docker --replace --dry-run     (shows what differs)
  xdock mk docker --replace
  xdock mk docker --strict                (warnings are errors)";

pub(super) const RM: &str = "\
Does not prompt. Running containers need -f. Named volumes are kept.

Examples:
  xdock rm host1c3
  xdock rm -f --volumes docker@vm.host==host1";

pub(super) const POWER: &str = "\
Waits until the container has reached the new state. A container that ends right after on, reset or restart with an error is
reported with the end of its log. One that ends with exit status 0 has done its job, which is success.

Examples:
  xdock power host1c[1-3] on
  xdock power docker state
  xdock power host1c1 restart

Also accepts the words of xCAT's rpower: start, stop, boot, cycle, stat, softoff.";

pub(super) const LS: &str = "\
For a host, lists all its containers, including those that are not in the tables. With -l, prints a table on a terminal, and one
line per container to a pipe. Set NO_COLOR to turn off colors.

Examples:
  xdock ls docker
  xdock ls host1c1 -l
  xdock ls host1

Sorts names by their numbers, c2 before c10, and lists a container once.";

pub(super) const LOGS: &str = "\
Examples:
  xdock logs host1c1
  xdock logs host1c[1-3] -f --tail 10";

pub(super) const CONS: &str = "\
Attaches to the container's terminal. If it has none, runs a shell (bash, ash or sh) in the container.
Ctrl-] disconnects; the container keeps running. All other keys, including Ctrl-C, go to the container.
cons waits for a container that is not running, and reconnects after a restart without losing or repeating
output. If standard input is a pipe, its content is sent as input; end of file does not end the session.

Examples:
  xdock cons host1c1
  xdock cons host1c1 --log 50             (shows the last 50 lines first)
  xdock cons host1c1 --exec
  xdock cons host1c1 --exec redis-cli -n 2
  echo reload | xdock cons host1c1

xCAT's rcons uses this command for nodes with cons=docker. To reset the terminal after a kill -9: stty sane";

pub(super) const EXEC: &str = "\
Prints output as NODE: LINE; standard error goes to standard error. Exit status: the highest exit status of all programs, or 1 if
a program could not be started.

Examples:
  xdock exec host1c[1-3] -- cat /etc/os-release
  xdock exec docker -- sh -c 'df -h / | tail -1'";

pub(super) const WHY: &str = "\
Sends packets from A to B and from B to A, inside the containers' own network namespaces, and compares everything on the way with
the tables: rows, snapshots, containers, interfaces, ports, bridges, uplinks, forwarding databases, packet filters, neighbours
and MTUs. Changes nothing.

Output: one line per check, WHAT SHOULD BE | WHAT IS, in the order of a packet. The first check that explains a loss is BROKEN, later
ones are not reached. \"wrong\" differs from the tables, but does not lose packets now. \"?\" could not be checked. The last line
says what is broken and which command corrects it. With -q, only this line.
The probes decide: if packets are lost and no check explains it, the last line says so.

Exit status: 0 all packets arrive, 1 packets are lost, 2 A or B is unknown.

Examples:
  xdock why host1c1 host2c1
  xdock why host1c1 host2
  xdock why host1c1 10.99.0.1             (an address: packets to it only)
  xdock why host2c1 host1:8080            (TCP port)
  xdock why -q host1c1 host2c1
  xdock why host1c1 host2c1 --json";

pub(super) const HOST: &str = "\
Examples:
  xdock host host[1-3] status
  xdock host dockerhosts enroll
  xdock host host1 enroll --help";

pub(super) const HOST_STATUS: &str = "\
Output: HOST: engine VERSION, API VERSION, tls DAYS days | ssh | unix, snapshot VERSION, netd ok, disk USED of ALL (DIRECTORY)
The disk is the one that holds the engine's images and containers. Exit status 1 if a host has a problem.

Examples:
  xdock host dockerhosts status
  xdock host host1 status --json";

pub(super) const HOST_ENROLL: &str = "\
Over ssh, each host creates a private key, which never leaves the host, and gets a certificate with its names and addresses from
the tables. The first enroll creates the certificate authority in /var/lib/xdock/ca; set [tls] ca and ca_key in the settings to use
another one. The engine then listens on PORT of the host's own address and accepts only clients with a certificate of this
authority. Running containers are not affected. From then on xdock connects to this engine over TLS.

Certificates are valid for 397 days. enroll renews those that expire in less than 30 days, and those whose names or addresses
changed: run it from cron.

Examples:
  xdock host host[1-3] enroll
  xdock host dockerhosts enroll --dry-run
  xdock host host2 enroll --renew
  xdock host host2 enroll --revoke        (if its key may be compromised; enroll then issues a new one)
  DOCKER_CERT_PATH=/var/lib/xdock/ca docker --tlsverify -H tcp://host1:2376 ps

To use ssh again, set [engines] host1 = \"ssh://host1\" in the settings.";

pub(super) const INIT: &str = "\
Installs the postscript in INSTALLDIR/postscripts and the programs in INSTALLDIR/xdock/ARCH. If xCAT is installed (in XCATROOT or
/opt/xcat), also installs its plugin and console method for mgt=docker, and links for commands that this xCAT does not have. A
running xcatd then reloads its plugins (rescanplugins). Files that belong to others are kept in XCATROOT/share/xdock and
INSTALLDIR/xdock/kept; --undo restores them with their times.

Also installs and starts xdock-knock.socket, which listens on TCP port 3022. When the network of a docker host changes, the host
asks this service to test whether new ssh connections from this machine still reach it. The service connects only to the host
that asks. Open the port for your docker hosts. Without it, xdockhost checks the host's firewall rules but cannot test the
connection.

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
