//! How each package manager is called, from each source.

use crate::host::{Host, OTHERPKGS};
use crate::management::ManagementNode;

const APT: &str = "apt-get -q -c /var/lib/xdock/apt/apt.conf";
const CALM: &str = r#"Acquire::http::Timeout "10";
Acquire::https::Timeout "10";
Acquire::Retries "1";
APT::Install-Recommends "false";
DPkg::Lock::Timeout "300";
Dpkg::Options:: "--force-confold";
"#;
const ALONE: &str = r#"Dir::Etc::sourcelist "/var/lib/xdock/apt/sources.list";
Dir::State::lists "/var/lib/xdock/apt/lists";
Dir::Cache::pkgcache "";
Dir::Cache::srcpkgcache "";
Dir::Etc::sourceparts "-";
Acquire::http::Proxy "false";
"#;

/// A package manager that does its work, and one that fails while it uses only the management node's packages.
const WORKS: &str = r#"case "$*" in *" install "*) for name; do echo $name >>/rpms; done ;; esac"#;
const LACKS: &str = r#"case "$*" in
*plugins=0*install*) echo "nothing provides container-selinux needed by docker-ce" >&2; exit 1 ;;
*" install "*) for name; do echo $name >>/rpms; done ;;
esac"#;

fn nothing() -> ManagementNode {
    ManagementNode::serving(&[])
}

#[test]
fn apt_from_the_hosts_sources_with_the_configuration_first() {
    let (host, mn) = (Host::of("debian-13").with_apt(), nothing());
    let ran = host.run(&mn, &[]);
    assert_eq!((ran.code, ran.stderr.as_str()), (0, ""));
    assert_eq!(ran.stdout, "xdock: docker: installed docker 27.5.1 (the host's own sources)\n");
    let wanted = [
        "dpkg --configure -a".to_owned(),
        format!("{APT} update"),
        format!("{APT} install --yes docker.io docker-cli iptables"),
    ];
    assert_eq!(host.called(&mn), wanted);
    assert_eq!(host.read("/var/lib/xdock/apt/apt.conf"), CALM);
    // the engine's first start, in apt-get, has read it: no restart
    assert!(host.read("/etc/docker/daemon.json").contains("\"live-restore\": true"));
    let again = host.run(&mn, &[]);
    assert_eq!(again.stdout, "xdock: docker: nothing to do\n");
    assert_eq!(host.called(&mn), Vec::<String>::new());
}

#[test]
fn apt_from_an_unsigned_directory_touches_no_other_source() {
    let mn = ManagementNode::serving(&[("/install/post/mine/Packages.gz", "x")]);
    let host = Host::of("debian-12").with_apt();
    let more = [("OTHERPKGDIR", "/install/post/mine/"), ("NICTYPES", "br0!bridge_ovs")];
    let ran = host.run_with(&mn, &["unsigned=yes"], &more);
    let from = mn.url("/install/post/mine");
    assert_eq!(ran.stdout, format!("xdock: docker: installed docker 27.5.1 (packages of {from})\n"));
    let names = "docker.io iptables openvswitch-switch";
    let wanted =
        ["dpkg --configure -a".to_owned(), format!("{APT} update"), format!("{APT} install --yes {names}")];
    assert_eq!(host.called(&mn), wanted);
    assert_eq!(host.read("/var/lib/xdock/apt/apt.conf"), format!("{CALM}{ALONE}"));
    assert_eq!(host.read("/var/lib/xdock/apt/sources.list"), format!("deb [trusted=yes] {from} ./\n"));
}

#[test]
fn an_engine_from_another_source_is_kept() {
    let (host, mn) = (Host::of("debian-12").with_apt().script("dockerd", ""), nothing());
    host.write("/active", "");
    assert_eq!(host.run(&mn, &[]).code, 0);
    let install = format!("{APT} install --yes iptables");
    assert!(host.called(&mn).contains(&install));
}

#[test]
fn dnf_takes_the_hosts_own_where_the_directory_lacks_something() {
    let mn = ManagementNode::serving(&[(&format!("{OTHERPKGS}/repodata/repomd.xml"), "x")]);
    let host = Host::of("rocky-9").with_rpm("dnf", LACKS);
    let ran = host.run(&mn, &["unsigned=yes"]);
    assert_eq!((ran.code, ran.stderr.as_str()), (0, ""));
    let from = mn.url(OTHERPKGS);
    let text = format!("installed docker 27.5.1 (packages of {from} and the host's own sources)");
    assert_eq!(ran.stdout, format!("xdock: docker: {text}\n"));
    let base = "dnf -y --setopt=timeout=10 --setopt=retries=2";
    let alone = "--setopt=reposdir=/var/lib/xdock/yum.repos.d --setopt=plugins=0";
    let hosts = "/etc/yum.repos.d,/etc/yum/repos.d,/etc/distro.repos.d";
    let beside = format!("--setopt=reposdir={hosts},/var/lib/xdock/yum.repos.d");
    let wanted = [
        format!("{base} {alone} makecache --refresh"),
        format!("{base} {alone} install docker-ce docker-ce-cli containerd.io"),
        format!("{base} {beside} makecache --refresh"),
        format!("{base} {beside} install docker-ce docker-ce-cli containerd.io"),
        "systemctl enable docker.service".to_owned(),
        "systemctl start docker.service".to_owned(),
    ];
    assert_eq!(host.called(&mn), wanted);
    let file = format!(
        "[xdock]\nname=xdock\nbaseurl={from}\nenabled=1\ngpgcheck=0\nrepo_gpgcheck=0\nproxy=\nmetadata_expire=0\n"
    );
    assert_eq!(host.read("/var/lib/xdock/yum.repos.d/xdock.repo"), file);
    assert_eq!(host.run(&mn, &["unsigned=yes"]).stdout, "xdock: docker: nothing to do\n");
}

#[test]
fn dnf_checks_signatures_by_default() {
    let mn = ManagementNode::serving(&[(&format!("{OTHERPKGS}/repodata/repomd.xml"), "x")]);
    let host = Host::of("rhel-8").with_rpm("dnf", WORKS);
    assert_eq!(host.run(&mn, &[]).code, 0);
    assert!(host.read("/var/lib/xdock/yum.repos.d/xdock.repo").contains("\ngpgcheck=1\n"));
}

#[test]
fn yum_takes_the_files_of_a_flat_directory_by_their_names() {
    let arch = std::env::consts::ARCH;
    let files = ["docker-ce-26.1.3-1.el7", "docker-ce-cli-26.1.3-1.el7", "containerd.io-1.6.33-3.1.el7"];
    let files = files.map(|file| format!("{file}.{arch}.rpm"));
    let listing = files.clone().map(|file| format!("<a href=\"{file}\">{file}</a>\n")).concat();
    let mn = ManagementNode::serving(&[(&format!("{OTHERPKGS}/"), &listing)]);
    let host =
        Host::of("rhel-8").with_rpm("yum", "printf 'docker-ce\\ndocker-ce-cli\\ncontainerd.io\\n' >/rpms");
    let ran = host.run(&mn, &["unsigned=yes"]);
    assert_eq!((ran.code, ran.stderr.as_str()), (0, ""));
    let urls = files.map(|file| format!("MN{OTHERPKGS}/{file}")).join(" ");
    let wanted = [
        format!(
            "yum -y --setopt=timeout=10 --setopt=retries=2 --setopt=reposdir=/var/lib/xdock/yum.repos.d \
             --setopt=plugins=0 --setopt=localpkg_gpgcheck=0 install {urls}"
        ),
        "systemctl enable docker.service".to_owned(),
        "systemctl start docker.service".to_owned(),
    ];
    assert_eq!(host.called(&mn), wanted);
}

#[test]
fn fedora_keeps_the_settings_of_its_unit() {
    let sysconfig = "OPTIONS=\"--selinux-enabled --log-driver=journald --live-restore\"";
    let script = format!("{WORKS}\nmkdir -p /etc/sysconfig; echo '{sysconfig}' >/etc/sysconfig/docker");
    let (host, mn) = (Host::of("fedora-41").with_rpm("dnf", &script), nothing());
    assert_eq!(host.run(&mn, &[]).code, 0);
    let wanted = [
        "dnf -y --setopt=timeout=10 --setopt=retries=2 makecache --refresh",
        "dnf -y --setopt=timeout=10 --setopt=retries=2 install moby-engine",
        "systemctl enable docker.service",
        "systemctl start docker.service",
    ];
    assert_eq!(host.called(&mn), wanted);
    let file = host.read("/etc/docker/daemon.json");
    assert!(!file.contains("live-restore") && !file.contains("log-driver"), "{file}");
}

#[test]
fn zypper_from_the_hosts_repositories_and_from_the_directory() {
    let (host, mn) = (Host::of("opensuse-leap-15.6").with_rpm("zypper", WORKS), nothing());
    assert_eq!(host.run(&mn, &[]).code, 0);
    let install = "install --auto-agree-with-licenses --no-recommends docker";
    let wanted = [
        "zypper --non-interactive refresh".to_owned(),
        format!("zypper --non-interactive {install}"),
        "systemctl enable docker.service".to_owned(),
        "systemctl start docker.service".to_owned(),
    ];
    assert_eq!(host.called(&mn), wanted);

    let mn = ManagementNode::serving(&[(&format!("{OTHERPKGS}/repodata/repomd.xml"), "x")]);
    let host = Host::of("sles-15").with_rpm("zypper", WORKS);
    assert_eq!(host.run(&mn, &["unsigned=yes"]).code, 0);
    let ours = "--no-gpg-checks --reposd-dir /var/lib/xdock/zypp.repos.d";
    let wanted = [
        format!("zypper --non-interactive {ours} refresh"),
        format!("zypper --non-interactive {ours} {install}"),
    ];
    assert_eq!(host.called(&mn)[..2], wanted);
}

#[test]
fn unsigned_without_an_index_reports_how_to_create_one() {
    let apt = "dpkg-scanpackages . >Packages";
    for (distribution, apparmor, manager, indexer, names) in [
        ("debian-12", "N\n", "apt-get", apt, "docker.io iptables"),
        // docker.io starts no container there without it
        ("ubuntu-24.04", "Y\n", "apt-get", apt, "docker.io iptables apparmor"),
        ("sles-15", "Y\n", "zypper", "createrepo_c .", "docker"),
    ] {
        let host = Host::of(distribution).script(manager, "").script("rpm", "exit 1").script("dpkg", "");
        host.write("/sys/module/apparmor/parameters/enabled", apparmor);
        let mn = nothing();
        let ran = host.run(&mn, &["unsigned=yes"]);
        let text = format!(
            "[E]:Error: xdock: docker: unsigned=yes, but the management node has neither a package index nor all of {names} at {}; put them there with their dependencies; {indexer} creates an index\n",
            mn.url(OTHERPKGS)
        );
        assert_eq!((ran.code, ran.stderr), (1, text));
    }
}

#[test]
fn apt_gets_an_index_of_a_flat_directory() {
    let listing = "<a href=\"docker.io_20.10.24_all.deb\">d</a><a href=\"iptables_1.8_all.deb\">i</a>";
    let (docker, iptables) =
        (format!("{OTHERPKGS}/docker.io_20.10.24_all.deb"), format!("{OTHERPKGS}/iptables_1.8_all.deb"));
    let mn =
        ManagementNode::serving(&[(&format!("{OTHERPKGS}/"), listing), (&docker, "one"), (&iptables, "two")]);
    let host = Host::of("debian-12").with_apt().script("dpkg-deb", "echo Package: x; echo Version: 1");
    let ran = host.run(&mn, &["unsigned=yes"]);
    let from = mn.url(OTHERPKGS);
    assert_eq!(
        ran.stdout,
        format!("xdock: docker: installed docker 27.5.1 (packages of {from})\n"),
        "{}",
        ran.stderr
    );
    let copy = "/var/lib/xdock/apt/flat";
    let wanted = [
        format!("dpkg-deb --field {copy}/docker.io_20.10.24_all.deb"),
        format!("dpkg-deb --field {copy}/iptables_1.8_all.deb"),
        "dpkg --configure -a".to_owned(),
        format!("{APT} update"),
        format!("{APT} install --yes docker.io iptables"),
    ];
    assert_eq!(host.called(&mn), wanted);
    assert_eq!(host.read("/var/lib/xdock/apt/sources.list"), format!("deb [trusted=yes] file:{copy} ./\n"));
    assert!(!host.path(copy).exists());
}

#[test]
fn missing_packages_are_reported_with_the_directory_for_them() {
    let failing =
        r#"case "$*" in *" install "*) echo "Error: Unable to find a match: docker-ce" >&2; exit 1;; esac"#;
    let (host, mn) = (Host::of("almalinux-9").with_rpm("dnf", failing), nothing());
    let ran = host.run(&mn, &[]);
    let text = format!(
        "[E]:Error: xdock: docker: cannot install docker-ce docker-ce-cli containerd.io from the host's own sources; a host that reaches only the management node needs them and their dependencies in {}, with an index (createrepo_c .), and unsigned=yes if they are not signed: dnf: Error: Unable to find a match: docker-ce\n",
        mn.url(OTHERPKGS)
    );
    assert_eq!((ran.code, ran.stderr), (1, text));
}

#[test]
fn an_unknown_distribution_is_refused_unless_packages_are_named() {
    let (host, mn) = (Host::of("arch").with_rpm("zypper", WORKS), nothing());
    let ran = host.run(&mn, &[]);
    let text = "[E]:Error: xdock: docker: distribution \"arch\" is not supported; name the packages to install: packages=NAME:NAME\n";
    assert_eq!((ran.code, ran.stderr.as_str()), (1, text));
    assert_eq!(host.run(&mn, &["packages=moby:runc"]).code, 0);
    assert!(host.called(&mn)[1].ends_with(" install --auto-agree-with-licenses --no-recommends moby runc"));
}
