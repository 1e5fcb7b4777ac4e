//! Names, as the name server in the container answers.

use crate::why::facts::Walk;
use crate::why::rung::{Check, Layer, Loses, Rung, on_host};

/// Whether the sender's name server has an address of the destination under its name. Packets to the address do not need it.
pub(crate) fn name(walk: Walk<'_>) -> Option<Rung> {
    let facts = walk.from.facts().filter(|_| walk.from.is_container())?;
    let asked = walk.to.end.called.as_ref()?;
    let resolved = facts.names.iter().find(|resolved| resolved.name == *asked)?;
    let own: Vec<_> = walk.to.end.addresses.iter().flatten().map(|one| one.address).collect();
    let should = format!("{asked} is {} for netd's name server", walk.to.address.address);
    let check = Check::new(Layer::Name, &walk.from.end.name, should);
    let listed = || resolved.addresses.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    let host = walk.from.host_name();
    Some(match &resolved.error {
        Some(error) => check
            .wrong(format!("no answer: {error}"))
            .loses(Loses::None)
            .fix(on_host(&host, "netd reconcile")),
        None if resolved.addresses.iter().any(|address| own.contains(address)) => check.ok(listed()),
        None if resolved.addresses.is_empty() => {
            check.wrong("unknown").loses(Loses::None).fix(format!("xdock sync {host}"))
        }
        None => check.wrong(listed()).loses(Loses::None).fix(format!("xdock sync {host}")),
    })
}
