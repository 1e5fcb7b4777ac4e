//! xCAT's tables and their columns (xCAT `perl-xCAT/xCAT/Schema.pm`, `%tabspec`).

/// A table of xCAT's database.
#[derive(Debug)]
pub(crate) struct TableSpec {
    /// Name of the table and of its SQLite file.
    pub(crate) name: &'static str,
    /// Key column: the first column of the primary key.
    pub(crate) key: &'static str,
    columns: &'static str,
}

impl TableSpec {
    /// Columns in the order of the schema.
    pub(crate) fn columns(&self) -> impl Iterator<Item = &'static str> {
        self.columns.split(' ')
    }

    /// Whether the table has this column.
    pub(crate) fn has(&self, column: &str) -> bool {
        self.columns().any(|name| name == column)
    }

    /// Whether the key is a node, so that nodes inherit the rows of their groups.
    pub(crate) fn of_nodes(&self) -> bool {
        self.key == "node" && self.name != "nodelist"
    }
}

/// Index of a table in [`TABLES`].
pub(crate) fn position(name: &str) -> Option<usize> {
    TABLES.binary_search_by(|table| table.name.cmp(name)).ok()
}

const fn table(name: &'static str, key: &'static str, columns: &'static str) -> TableSpec {
    TableSpec { name, key, columns }
}

/// Every table whose key is a name, sorted by name.
#[rustfmt::skip] // one table a line
pub(crate) const TABLES: &[TableSpec] = &[
    table("bootparams", "node", "node kernel initrd kcmdline addkcmdline dhcpstatements adddhcpstatements comments disable"),
    table("boottarget", "bprofile", "bprofile kernel initrd kcmdline comments disable"),
    table("cfgmgt", "node", "node cfgmgr cfgserver roles comments disable"),
    table("chain", "node", "node currstate currchain chain ondiscover comments disable"),
    table("deps", "node", "node nodedep msdelay cmd comments disable"),
    table("discoverydata", "uuid", "uuid node method discoverytime arch cpucount cputype memory mtm serial nicdriver nicipv4 nichwaddr nicpci nicloc niconboard nicfirm switchname switchaddr switchdesc switchport otherdata comments disable"),
    table("domain", "node", "node ou authdomain adminuser adminpassword type comments disable"),
    table("firmware", "node", "node cfgfile comments disable"),
    table("hosts", "node", "node ip hostnames otherinterfaces comments disable"),
    table("hwinv", "node", "node cputype cpucount memory disksize comments disable"),
    table("hypervisor", "node", "node type mgr interface netmap defaultnet cluster datacenter preferdirect comments disable"),
    table("ipmi", "node", "node bmc bmcport taggedvlan bmcid username password comments disable"),
    table("iscsi", "node", "node server target lun iname file userid passwd kernel kcmdline initrd comments disable"),
    table("kit", "kitname", "kitname basename description version release ostype isinternal kitdeployparams kitdir comments disable"),
    table("kitcomponent", "kitcompname", "kitcompname description kitname kitreponame basename version release serverroles kitpkgdeps prerequisite driverpacks kitcompdeps postbootscripts genimage_postinstall exlist comments disable"),
    table("kitrepo", "kitreponame", "kitreponame kitname osbasename osmajorversion osminorversion osarch compat_osbasenames kitrepodir comments disable"),
    table("kvm_masterdata", "name", "name xml comments disable"),
    table("kvm_nodedata", "node", "node xml comments disable"),
    table("linuximage", "imagename", "imagename template boottarget addkcmdline pkglist pkgdir otherpkglist otherpkgdir exlist postinstall rootimgdir kerneldir nodebootif otherifce netdrivers kernelver krpmver permission dump crashkernelsize partitionfile driverupdatesrc comments disable"),
    table("litefile", "image", "image file options comments disable"),
    table("litetree", "priority", "priority image directory mntopts comments disable"),
    table("mac", "node", "node interface mac comments disable"),
    table("mic", "node", "node host id nodetype bridge onboot vlog powermgt comments disable"),
    table("monitoring", "name", "name nodestatmon comments disable"),
    table("monsetting", "name", "name key value comments disable"),
    table("mp", "node", "node mpa id nodetype comments disable"),
    table("mpa", "mpa", "mpa username password displayname slots urlpath comments disable"),
    table("networks", "net", "netname net mask mgtifname gateway dhcpserver tftpserver nameservers ntpservers logservers dynamicrange staticrange staticrangeincrement nodehostname ddnsdomain vlanid domain mtu comments disable"),
    table("nics", "node", "node nicips nichostnamesuffixes nichostnameprefixes nictypes niccustomscripts nicnetworks nicaliases nicextraparams nicdevices nicsadapter comments disable"),
    table("nimimage", "imagename", "imagename nimtype lpp_source spot root dump paging resolv_conf tmp home shared_home res_group nimmethod script bosinst_data installp_bundle mksysb fb_script shared_root otherpkgs image_data configdump comments disable"),
    table("nodegroup", "groupname", "groupname grouptype members membergroups wherevals comments disable"),
    table("nodehm", "node", "node power mgt cons termserver termport conserver serialport serialspeed serialflow getmac cmdmapping consoleondemand consoleenabled comments disable"),
    table("nodelist", "node", "node groups status statustime appstatus appstatustime primarysn hidden updatestatus updatestatustime zonename comments disable"),
    table("nodepos", "node", "node rack u chassis slot room height comments disable"),
    table("noderes", "node", "node servicenode netboot tftpserver tftpdir nfsserver monserver nfsdir installnic primarynic discoverynics cmdinterface xcatmaster current_osimage next_osimage nimserver routenames nameservers proxydhcp syslog comments disable"),
    table("nodetype", "node", "node os arch profile provmethod supportedarchs nodetype comments disable"),
    table("notification", "filename", "filename tables tableops comments disable"),
    table("openbmc", "node", "node bmc consport taggedvlan username password comments disable"),
    table("osdistro", "osdistroname", "osdistroname basename majorversion minorversion arch type dirpaths comments disable"),
    table("osdistroupdate", "osupdatename", "osupdatename osdistroname dirpath downloadtime comments disable"),
    table("osimage", "imagename", "imagename groups profile imagetype description provmethod rootfstype osdistroname osupdatename cfmdir osname osvers osarch synclists postscripts postbootscripts serverrole isdeletable kitcomponents environvar comments disable"),
    table("passwd", "key", "key username password cryptmethod authdomain comments disable"),
    table("pdu", "node", "node nodetype pdutype outlet username password snmpversion community snmpuser authtype authkey privtype privkey seclevel comments disable"),
    table("pduoutlet", "node", "node pdu comments disable"),
    table("performance", "timestamp", "timestamp node attrname attrvalue comments disable"),
    table("policy", "priority", "priority name host commands noderange parameters time rule comments disable"),
    table("postscripts", "node", "node postscripts postbootscripts comments disable"),
    table("ppc", "node", "node hcp id pprofile parent nodetype supernode sfp comments disable"),
    table("ppcdirect", "hcp", "hcp username password comments disable"),
    table("ppchcp", "hcp", "hcp username password comments disable"),
    table("prescripts", "node", "node begin end comments disable"),
    table("prodkey", "node", "node product key comments disable"),
    table("rack", "rackname", "rackname displayname num height room comments disable"),
    table("routes", "routename", "routename net mask gateway ifname comments disable"),
    table("servicenode", "node", "node nameserver dhcpserver tftpserver nfsserver conserver monserver ldapserver ntpserver ftpserver nimserver ipforward dhcpinterfaces proxydhcp comments disable"),
    table("site", "key", "key value comments disable"),
    table("statelite", "node", "node image statemnt mntopts comments disable"),
    table("storage", "node", "node osvolume size state storagepool hypervisor fcprange volumetag type controller comments disable"),
    table("switch", "node", "node switch port vlan interface comments disable"),
    table("switches", "switch", "switch snmpversion username password privacy auth linkports sshusername sshpassword protocol switchtype comments disable"),
    table("taskstate", "node", "node command state pid reserve disable"),
    table("token", "tokenid", "tokenid username expire created access comments disable"),
    table("virtsd", "node", "node sdtype stype location host cluster datacenter comments disable"),
    table("vm", "node", "node mgr host migrationdest storage storagemodel storagecache storageformat cfgstore memory cpus nics nicmodel bootorder clockoffset virtflags master vncport textconsole powerstate beacon datacenter cluster guestostype othersettings physlots vidmodel vidproto vidpassword comments disable"),
    table("vmmaster", "name", "name os arch profile storage storagemodel nics vintage originator virttype specializeparameters comments disable"),
    table("vpd", "node", "node serial mtm side asset uuid comments disable"),
    table("websrv", "node", "node port username password comments disable"),
    table("winimage", "imagename", "imagename template installto partitionfile winpepath comments disable"),
    table("zone", "zonename", "zonename sshkeydir sshbetweennodes defaultzone comments disable"),
    table("zvm", "node", "node hcp userid nodetype parent comments disable discovered status"),
    table("zvmivp", "id", "id ip schedule last_run type_of_run access_user orch_parms prep_parms main_ivp_parms comments disable"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_sorted_and_have_their_key() {
        assert!(TABLES.is_sorted_by_key(|table| table.name));
        assert!(TABLES.iter().all(|table| table.has(table.key) && table.has("disable")));
        assert_eq!(TABLES[position("vm").unwrap()].columns().count(), 31);
    }
}
