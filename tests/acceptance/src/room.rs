//! Suites run side by side; a promise that counts seconds is tried while no other suite tries anything.

use std::fs::{File, create_dir_all};
use std::io;

use lab::dirs::Dirs;

/// Held while a promise is tried, with the others or alone.
#[derive(Debug)]
pub(crate) struct Room(#[allow(dead_code, reason = "the lock ends with the file")] File);

impl Room {
    /// Waits until it may be tried. A promise that waits to be alone keeps later ones out, so that its wait ends.
    pub(crate) fn enter(alone: bool) -> io::Result<Self> {
        let labs = Dirs::from_environment().labs;
        create_dir_all(&labs)?;
        let open = |name: &str| File::create(labs.join(name));
        let door = open(".promises.door")?;
        door.lock()?;
        let room = open(".promises.room")?;
        if alone {
            room.lock()?;
        } else {
            room.lock_shared()?;
        }
        Ok(Self(room))
    }
}
