//! Frames of a container that its host drops, because their MAC or address is not the container's.

use crate::why::facts::Side;
use crate::why::rung::{Check, Layer, Rung};

/// Whether frames of the probe were dropped. `None`: unknown, or the container may send with any address.
pub(crate) fn spoofing(side: Side<'_>) -> Option<Rung> {
    let endpoint = side.endpoint().filter(|_| side.is_container())?;
    let (dropped, all) = (endpoint.dropped_by_probe?, endpoint.dropped?);
    let name = side.end.name.as_str();
    let check = Check::new(Layer::Antispoof, name, "sends with its own MAC and addresses only");
    Some(match dropped {
        0 => check.ok("no frame of the probe was dropped"),
        _ => check
            .wrong(format!(
                "{dropped} frames of the probe were dropped ({all} in all): they have another MAC or address"
            ))
            .fix(format!("xdock power {name} restart, or name the address in extraaddress= of {name}")),
    })
}
