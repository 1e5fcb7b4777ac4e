//! `/tftpboot/mypostscripts/mypostscript.NODE`: the tables as exported shell variables, in the order and form of
//! xCAT's template (xCAT-server/share/xcat/mypostscript/mypostscript.tmpl). Pure.

use std::fmt::Write as _;
use std::net::Ipv4Addr;

use inventory::{Inventory, InventoryError, Row};
use thiserror::Error;

/// Why a node has no such file.
#[derive(Debug, Error)]
pub enum RenderError {
    /// The tables.
    #[error("cannot read the tables for {node}")]
    Tables {
        /// For which node.
        node: String,
        /// Why.
        #[source]
        source: Box<InventoryError>,
    },
    /// xCAT (Postage.pm, makescript) refuses such a node as well.
    #[error("no os or arch setting in nodetype table for {0}: define os= and arch=")]
    NoOs(String),
    /// Not in the tables.
    #[error("no such node in the tables: {0}")]
    NoNode(String),
}

/// Columns of `networks` in the order of xCAT's schema; `comments` is always empty there.
const NETWORK_COLUMNS: [&str; 19] = [
    "netname",
    "net",
    "mask",
    "mgtifname",
    "gateway",
    "dhcpserver",
    "tftpserver",
    "nameservers",
    "ntpservers",
    "logservers",
    "dynamicrange",
    "staticrange",
    "staticrangeincrement",
    "nodehostname",
    "ddnsdomain",
    "vlanid",
    "domain",
    "mtu",
    "disable",
];

const NIC_COLUMNS: [&str; 7] = [
    "nicips",
    "nichostnamesuffixes",
    "nictypes",
    "niccustomscripts",
    "nicnetworks",
    "nicextraparams",
    "nicdevices",
];

const UNUSED: [&str; 8] =
    ["CFGMGR", "CFGSERVER", "SWITCHNAME", "SNMPVERSION", "SNMPUSER", "SNMPPASSWD", "SNMPPRIV", "SNMPAUTH"];

/// The file of one node of a cluster whose management node has the address `mn`.
///
/// # Errors
/// The node does not exist, has no `os` or `arch`, or the tables cannot be read.
pub fn render(tables: &Inventory, node: &str, mn: Ipv4Addr) -> Result<String, RenderError> {
    let lookup = Lookup { tables, node };
    if tables.nodes().map_err(lookup.failed())?.iter().all(|known| known.as_str() != node) {
        return Err(RenderError::NoNode(node.to_owned()));
    }
    if lookup.value("nodetype.os")?.is_empty() || lookup.value("nodetype.arch")?.is_empty() {
        return Err(RenderError::NoOs(node.to_owned()));
    }
    let mut script = Script::default();
    site(&mut script, &lookup)?;
    networks(&mut script, &lookup)?;
    identity(&mut script, &lookup, mn)?;
    system(&mut script, &lookup, mn)?;
    nics(&mut script, &lookup)?;
    scripts(&mut script, &lookup)?;
    Ok(script.0)
}

/// site.master is exported as SITEMASTER: MASTER is the node's own (Postage.pm).
fn site(script: &mut Script, lookup: &Lookup<'_>) -> Result<(), RenderError> {
    for row in lookup.rows("site")? {
        let (Some(key), value) = (row.get("key"), row.get("value")) else { continue };
        let name = if key == "master" { "SITEMASTER".into() } else { key.to_ascii_uppercase() };
        script.quoted(&name, value.unwrap_or_default());
    }
    script.quoted("ENABLESSHBETWEENNODES", "YES");
    script.quoted("ZONENAME", "");
    Ok(())
}

fn networks(script: &mut Script, lookup: &Lookup<'_>) -> Result<(), RenderError> {
    let rows = lookup.rows("networks")?;
    script.plain("NETWORKS_LINES", &rows.len().to_string());
    for (index, row) in rows.iter().enumerate() {
        let columns = NETWORK_COLUMNS.map(|name| format!("{name}={}||", row.get(name).unwrap_or_default()));
        script.quoted(&format!("NETWORKS_LINE{}", index + 1), &(columns.concat() + "comments="));
    }
    Ok(())
}

fn identity(script: &mut Script, lookup: &Lookup<'_>, mn: Ipv4Addr) -> Result<(), RenderError> {
    let master = lookup.master(mn)?;
    script.plain("NODE", lookup.node);
    script.plain("IPADDR", &lookup.value("hosts.ip")?);
    script.quoted("GROUP", &lookup.value("nodelist.groups")?);
    script.quoted("NFSSERVER", &first_said(lookup.value("noderes.nfsserver")?, &master));
    script.quoted("INSTALLNIC", &lookup.value("noderes.installnic")?);
    script.quoted("PRIMARYNIC", &lookup.value("noderes.primarynic")?);
    script.quoted("MASTER", &master);
    script.quoted("SERVICEGROUP", "");
    script.quoted("SYSLOG", &lookup.value("noderes.syslog")?);
    script.quoted("NODEROUTENAMES", &lookup.value("noderes.routenames")?);
    script.plain("MASTER_IP", &master);
    Ok(())
}

fn system(script: &mut Script, lookup: &Lookup<'_>, mn: Ipv4Addr) -> Result<(), RenderError> {
    for (name, column) in
        [("OSVER", "os"), ("ARCH", "arch"), ("PROFILE", "profile"), ("PROVMETHOD", "provmethod")]
    {
        script.quoted(name, &lookup.value(&format!("nodetype.{column}"))?);
    }
    script.plain("PATH", "`dirname $0`:$PATH");
    script.plain("NODESETSTATE", "undefined");
    // updatenode puts 1 here (updatenode.pm)
    script.plain("UPDATENODE", "1");
    script.plain("NTYPE", "compute");
    script.quoted("MACMAC", "");
    script.plain("MACADDRESS", lookup.value("mac.mac")?.split(['|', '!']).next().unwrap_or_default());
    script.quoted("MONMASTER", &lookup.master(mn)?);
    script.quoted("MONSERVER", "mn");
    let image = lookup.value("nodetype.provmethod")?;
    if let Some(row) = lookup.rows("linuximage")?.iter().find(|row| row.get("imagename") == Some(&image)) {
        script.quoted("OTHERPKGDIR", row.get("otherpkgdir").unwrap_or_default());
    }
    script.plain("NOSYNCFILES", "1");
    Ok(())
}

fn nics(script: &mut Script, lookup: &Lookup<'_>) -> Result<(), RenderError> {
    let values =
        NIC_COLUMNS.map(|column| lookup.value(&format!("nics.{column}")).map(|value| (column, value)));
    let values: Vec<(&str, String)> = values.into_iter().collect::<Result<_, _>>()?;
    let has_row = values.iter().any(|(_, value)| !value.is_empty());
    script.quoted("NICNODE", if has_row { lookup.node } else { "" });
    for (column, value) in values {
        script.quoted(&column.to_ascii_uppercase(), &value);
    }
    for name in UNUSED {
        script.quoted(name, "");
    }
    Ok(())
}

/// One `script args` a line, between marks: what runs when `updatenode` names no script.
fn scripts(script: &mut Script, lookup: &Lookup<'_>) -> Result<(), RenderError> {
    for column in ["postscripts", "postbootscripts"] {
        // xcatdefaults is a row of its own; the node's list may be its group's, as any attribute
        let defaults = lookup.own("postscripts", "xcatdefaults", column)?;
        let own = lookup.value(&format!("postscripts.{column}"))?;
        script.line(&format!("# {column}-start-here"));
        for (of, list) in [("defaults", defaults), ("node", own)] {
            script.line(&format!("# {of}-{column}-start-here"));
            list.split(',').map(str::trim).filter(|name| !name.is_empty()).for_each(|name| script.line(name));
            script.line(&format!("# {of}-{column}-end-here"));
        }
        script.line(&format!("# {column}-end-here"));
    }
    Ok(())
}

struct Lookup<'a> {
    tables: &'a Inventory,
    node: &'a str,
}

impl Lookup<'_> {
    fn value(&self, column: &str) -> Result<String, RenderError> {
        self.tables.value(self.node, column).map(Option::unwrap_or_default).map_err(self.failed())
    }

    fn rows(&self, table: &str) -> Result<&[Row], RenderError> {
        self.tables.rows(table).map_err(self.failed())
    }

    fn own(&self, table: &str, key: &str, column: &str) -> Result<String, RenderError> {
        let row = self.tables.row(table, key).map_err(self.failed())?;
        Ok(row.and_then(|row| row.get(column)).unwrap_or_default().to_owned())
    }

    /// noderes.xcatmaster, else the address of the management node that faces the node.
    fn master(&self, mn: Ipv4Addr) -> Result<String, RenderError> {
        Ok(first_said(self.value("noderes.xcatmaster")?, &mn.to_string()))
    }

    fn failed(&self) -> impl Fn(InventoryError) -> RenderError + use<> {
        let node = self.node.to_owned();
        move |source| RenderError::Tables { node: node.clone(), source: source.into() }
    }
}

fn first_said(value: String, otherwise: &str) -> String {
    if value.is_empty() { otherwise.to_owned() } else { value }
}

#[derive(Default)]
struct Script(String);

impl Script {
    fn plain(&mut self, name: &str, value: &str) {
        // writing to a String does not fail
        let _ = writeln!(self.0, "{name}={value}\nexport {name}\n");
    }

    /// xCAT writes a quote in a value as it is, and its shell breaks there; ours goes on with the value.
    fn quoted(&mut self, name: &str, value: &str) {
        self.plain(name, &format!("'{}'", value.replace('\'', r"'\''")));
    }

    fn line(&mut self, text: &str) {
        let _ = writeln!(self.0, "{text}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLES: &str = "# <xCAT data object stanza file>\n\n\
        clustersite:\n    objtype=site\n    master=10.99.0.1\n    domain=cluster.test\n\n\
        mynet0:\n    objtype=network\n    net=10.99.0.0\n    mask=255.255.0.0\n\n\
        host1:\n    objtype=node\n    groups=hosts,all\n    ip=10.99.0.11\n    os=debian12\n    arch=x86_64\n    \
        nictypes.br98=bridge\n    nicdevices.br98=eth1\n    usercomment=x\n    postscripts=it's a\n\n\
        host2:\n    objtype=node\n    groups=all\n\n\
        hosts:\n    objtype=group\n    postbootscripts=xdock unsigned=yes\n";

    fn rendered(node: &str) -> Result<String, RenderError> {
        render(&Inventory::from_stanzas(TABLES).unwrap(), node, Ipv4Addr::new(10, 99, 0, 1))
    }

    #[test]
    fn the_tables_become_variables_in_xcats_form() {
        let text = rendered("host1").unwrap();
        for line in [
            "SITEMASTER='10.99.0.1'\nexport SITEMASTER\n",
            "DOMAIN='cluster.test'\nexport DOMAIN\n",
            "NETWORKS_LINES=1\n",
            "NETWORKS_LINE1='netname=mynet0||net=10.99.0.0||mask=255.255.0.0||mgtifname=||gateway=||",
            "||vlanid=||domain=||mtu=||disable=||comments='\n",
            "NODE=host1\nexport NODE\n",
            "IPADDR=10.99.0.11\n",
            "GROUP='hosts,all'\n",
            "MASTER='10.99.0.1'\n",
            "OSVER='debian12'\n",
            "NICNODE='host1'\n",
            "NICTYPES='br98!bridge'\n",
            "NICDEVICES='br98!eth1'\n",
            "NICIPS=''\n",
            "# node-postscripts-start-here\nit's a\n# node-postscripts-end-here\n",
            "# node-postbootscripts-start-here\nxdock unsigned=yes\n# node-postbootscripts-end-here\n",
        ] {
            assert!(text.contains(line), "{line:?} is not in\n{text}");
        }
    }

    #[test]
    fn a_node_without_os_or_unknown_is_refused_by_name() {
        assert_eq!(
            rendered("host2").unwrap_err().to_string(),
            "no os or arch setting in nodetype table for host2: define os= and arch="
        );
        assert_eq!(rendered("host3").unwrap_err().to_string(), "no such node in the tables: host3");
    }

    #[test]
    fn a_quote_in_a_value_stays_one_value() {
        let mut script = Script::default();
        script.quoted("A", "it's");
        assert_eq!(script.0, "A='it'\\''s'\nexport A\n\n");
    }
}
