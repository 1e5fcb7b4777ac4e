//! Privileges of a thread.

use std::io;

use rustix::thread::{CapabilitySet, capabilities, set_capabilities};

/// Drops `CAP_SYS_ADMIN` from the calling thread and from the threads that it starts later. Threads that exist keep it:
/// capabilities belong to a thread (capabilities(7)).
///
/// # Errors
/// The kernel refused.
pub fn drop_sys_admin() -> io::Result<()> {
    let mut sets = capabilities(None)?;
    for set in [&mut sets.effective, &mut sets.permitted, &mut sets.inheritable] {
        set.remove(CapabilitySet::SYS_ADMIN);
    }
    Ok(set_capabilities(None, sets)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_thread_loses_it() {
        let has = || capabilities(None).unwrap().permitted.contains(CapabilitySet::SYS_ADMIN);
        let before = has();
        std::thread::spawn(move || {
            drop_sys_admin().unwrap();
            assert!(!has());
            assert!(!std::thread::spawn(has).join().unwrap());
        })
        .join()
        .unwrap();
        assert_eq!(has(), before);
    }
}
