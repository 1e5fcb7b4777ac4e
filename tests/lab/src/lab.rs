//! A lab: up, used, down.

mod address;
mod error;
mod make;
mod operate;

pub use error::LabError;
pub use make::Say;

use crate::dirs::{Dirs, LabDir};
use crate::name::{LabName, Member};
use crate::state::State;
use crate::status::{self, Status};

/// A lab that is up.
#[derive(Debug, Clone)]
pub struct Lab {
    dirs: Dirs,
    name: LabName,
}

impl Lab {
    /// A lab that is already up.
    ///
    /// # Errors
    /// There is none of that name.
    pub fn open(name: &LabName) -> Result<Self, LabError> {
        let lab = Self { dirs: Dirs::from_environment(), name: name.clone() };
        lab.state().map(|_| lab)
    }

    /// The machines, the management node first.
    ///
    /// # Errors
    /// The lab's record is gone or spoilt.
    pub fn status(&self) -> Result<Vec<Status>, LabError> {
        Ok(status::of(&self.state()?, &self.dir()))
    }

    /// One machine.
    ///
    /// # Errors
    /// The lab has none of that name.
    pub fn host(&self, name: &str) -> Result<Status, LabError> {
        let member = self.member(name)?;
        let found = self.status()?.into_iter().find(|status| status.name == member);
        found.ok_or_else(|| LabError::NoLab(self.name.clone()))
    }

    /// Name of the network namespace with the bridges between the machines.
    pub fn fabric(&self) -> String {
        self.name.of("fabric")
    }

    fn dir(&self) -> LabDir {
        self.dirs.lab(&self.name)
    }

    fn state(&self) -> Result<State, LabError> {
        State::load(&self.dir().state())?.ok_or_else(|| LabError::NoLab(self.name.clone()))
    }

    fn member(&self, name: &str) -> Result<Member, LabError> {
        let member: Member = name.parse()?;
        let hosts = self.state()?.spec.hosts;
        if member.number() <= hosts {
            Ok(member)
        } else {
            Err(LabError::NoSuchMember { lab: self.name.clone(), member, hosts })
        }
    }
}
