//! Certificates without cryptography: their signers, their ends, and the path that a verifier builds.

use std::fmt;

use crate::time::{FAR, Ticks, later};

/// A root, by the order in which they were made.
pub type RootId = u8;

/// As many roots as a run can make.
pub const ROOTS: usize = 8;

/// A set of roots.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Roots(u8);

impl Roots {
    /// The set of one.
    #[must_use]
    pub const fn one(root: RootId) -> Self {
        Self(1 << root)
    }

    /// The set of those.
    pub fn of(roots: impl IntoIterator<Item = RootId>) -> Self {
        roots.into_iter().fold(Self::default(), Self::with)
    }

    /// This set and one more.
    #[must_use]
    pub const fn with(self, root: RootId) -> Self {
        Self(self.0 | 1 << root)
    }

    /// This set without one.
    #[must_use]
    pub const fn without(self, root: RootId) -> Self {
        Self(self.0 & !(1 << root))
    }

    /// This set and another one.
    #[must_use]
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// This set without another one.
    #[must_use]
    pub const fn minus(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// What is in this set and in another one.
    #[must_use]
    pub const fn both(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// Whether it holds this one.
    #[must_use]
    pub const fn contain(self, root: RootId) -> bool {
        self.0 & (1 << root) != 0
    }

    /// Whether it holds none.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Those in it.
    pub fn iter(self) -> impl Iterator<Item = RootId> {
        (0..8).filter(move |root| self.contain(*root))
    }
}

impl fmt::Debug for Roots {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

/// A chain as it is served: a leaf and the cross-certificates that follow it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Chain {
    /// The root that signed the leaf.
    pub signer: RootId,
    /// The roots whose cross-certificates are served.
    pub crosses: Roots,
}

/// Every root that was made: when it ends, and which root has certified it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Pki {
    made: u8,
    ends: [Ticks; ROOTS],
    certified_by: [Option<RootId>; ROOTS],
}

impl Chain {
    /// One that is made with a stolen key: every cross-certificate is public, whichever are served.
    #[must_use]
    pub const fn stolen(signer: RootId) -> Self {
        Self { signer, crosses: Roots(u8::MAX) }
    }
}

impl Pki {
    /// One without roots.
    pub const EMPTY: Self = Self { made: 0, ends: [FAR; ROOTS], certified_by: [None; ROOTS] };

    /// How many roots were made.
    #[must_use]
    pub const fn made(&self) -> u8 {
        self.made
    }

    /// Makes a root.
    pub fn make(&mut self, ends: Ticks) -> RootId {
        let root = self.made;
        self.made += 1;
        self.ends[usize::from(root)] = ends;
        root
    }

    /// A root is certified.
    pub fn certify(&mut self, root: RootId, by: RootId) {
        self.certified_by[usize::from(root)] = Some(by);
    }

    /// The root that has certified this one.
    #[must_use]
    pub const fn certified_by(&self, root: RootId) -> Option<RootId> {
        self.certified_by[root as usize]
    }

    /// Forgets the root that was made last.
    pub fn unmake(&mut self) {
        self.made -= 1;
        self.ends[usize::from(self.made)] = FAR;
        self.certified_by[usize::from(self.made)] = None;
    }

    /// When a root ends.
    #[must_use]
    pub const fn end(&self, root: RootId) -> Ticks {
        self.ends[root as usize]
    }

    /// When its cross-certificate ends: with the first of the two.
    #[must_use]
    pub fn cross_end(&self, root: RootId) -> Ticks {
        self.certified_by[usize::from(root)].map_or(-1, |by| self.end(by).min(self.end(root)))
    }

    /// The connected run of cross-certificates from a signer up, of those that are kept; none that ends before `end`.
    #[must_use]
    pub fn run(&self, signer: RootId, kept: Roots, end: Ticks) -> Roots {
        let mut run = Roots::default();
        let mut below = signer;
        while kept.contain(below) && !run.contain(below) && self.cross_end(below) >= end {
            run = run.with(below);
            let Some(by) = self.certified_by[usize::from(below)] else { break };
            below = by;
        }
        run
    }

    /// Whether a verifier that trusts these roots finds a path: from the leaf over cross-certificates to an anchor.
    #[must_use]
    pub fn accept(&self, anchors: Roots, chain: Chain) -> bool {
        let mut below = chain.signer;
        for _ in 0..ROOTS {
            if anchors.contain(below) && self.end(below) >= 0 {
                return true;
            }
            let by = self.certified_by[usize::from(below)];
            match by.filter(|_| chain.crosses.contain(below) && self.cross_end(below) >= 0) {
                Some(by) => below = by,
                None => return false,
            }
        }
        false
    }

    /// A tick passes.
    pub fn pass_time(&mut self) {
        self.ends = self.ends.map(|end| later(end, -1));
    }
}
