//! Objects of identities in the queue, which saves reading them again.
//!
//! They are few in number and in octets: users of a namespace decide how many there are and how large. One that is not kept costs
//! a read.

use std::collections::HashMap;
use std::io;

use crate::api::identity::MtlsIdentity;
use crate::operator::index::IdentityId;

/// Most objects.
const MAX_OBJECTS: usize = 2048;
/// Most octets of all together: those of as many usual ones.
pub const MAX_OCTETS: usize = 6 << 20;
/// Most octets of one: several times a usual one, so that no namespace takes the place of all others with a few.
pub const MAX_OBJECT: usize = 16 << 10;

/// The objects that are kept.
#[derive(Debug, Default)]
pub struct KeptObjects {
    objects: HashMap<IdentityId, Kept>,
    octets: usize,
}

#[derive(Debug)]
struct Kept {
    identity: Box<MtlsIdentity>,
    octets: usize,
}

impl KeptObjects {
    /// Keeps the object of an identity instead of the one that is kept of it, where there is room.
    pub fn keep(&mut self, id: IdentityId, identity: &MtlsIdentity) {
        self.forget(id);
        let room = MAX_OBJECT.min(MAX_OCTETS.saturating_sub(self.octets));
        if self.objects.len() >= MAX_OBJECTS {
            return;
        }
        if let Some(octets) = octets(identity, room) {
            self.octets += octets;
            self.objects.insert(id, Kept { identity: Box::new(identity.clone()), octets });
        }
    }

    /// Hands out the object of an identity.
    pub fn take(&mut self, id: IdentityId) -> Option<Box<MtlsIdentity>> {
        let kept = self.objects.remove(&id)?;
        self.octets -= kept.octets;
        Some(kept.identity)
    }

    /// Forgets the object of an identity.
    pub fn forget(&mut self, id: IdentityId) {
        drop(self.take(id));
    }

    /// Number of objects.
    #[must_use]
    pub fn len(&self) -> usize {
        self.objects.len()
    }

    /// Whether none is kept.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.objects.is_empty()
    }

    /// Octets of all of them.
    #[must_use]
    pub const fn octets(&self) -> usize {
        self.octets
    }
}

/// The octets of an object: of the struct, and as JSON. `None` where they are more than the room.
fn octets(identity: &MtlsIdentity, room: usize) -> Option<usize> {
    let mut meter = Meter { used: size_of::<MtlsIdentity>(), room };
    serde_json::to_writer(&mut meter, identity).ok()?;
    Some(meter.used)
}

/// Counts what is written, and ends beyond the room.
struct Meter {
    used: usize,
    room: usize,
}

impl io::Write for Meter {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        self.used += octets.len();
        if self.used > self.room { Err(io::ErrorKind::OutOfMemory.into()) } else { Ok(octets.len()) }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
