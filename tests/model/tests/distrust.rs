//! Claim: once people distrust a root, no trust bundle in force accepts what is made with its key, and shown with any
//! cross-certificate that was ever made; whatever the root does in the rotation, whenever it is, and whatever goes wrong.
//! Small worlds are explored whole; with `MTLS_PROOF=1` larger ones, too.

use rotation_model::{Broken, Mutation, Mutations, Scope, SecondReplica, breaks, hold_at_full_size, holds};

/// One workload is enough: how Secrets follow is the subject of other scopes.
const DISTRUST: Scope =
    Scope { workloads: 1, distrusts: 1, keepers: false, never_reloads: false, ..Scope::ALONE };
/// People provide a CA, which the first root certifies, and may withdraw it.
const PROVIDED: Scope = Scope { provides: true, rotations: 0, ..DISTRUST };
const RESTORES: Scope = Scope { restores: true, roots: 4, ..DISTRUST };

fn with(mutations: &[Mutation], scope: Scope) -> Scope {
    Scope { mutations: Mutations::of(mutations), ..scope }
}

#[test]
fn with_a_distrusted_root_each_root_that_leads_to_it_is_distrusted() {
    holds("a root is distrusted", DISTRUST);
    breaks("a root is distrusted alone", Broken::Distrust, with(&[Mutation::NoClosure], DISTRUST));
    let two = Scope { rotations: 2, ..DISTRUST };
    hold_at_full_size(&[
        ("a root is distrusted, two rotations, two workloads", Scope { workloads: 2, ..two }),
        ("two roots are distrusted, two rotations", Scope { distrusts: 2, ..two }),
        ("a root is distrusted as the first one ends", Scope { first_end: 16, margin: 14, ..two }),
    ]);
}

#[test]
fn with_a_withdrawn_root_its_certifier_is_distrusted() {
    holds("a root is distrusted, people provide a CA", PROVIDED);
    let what = "a signer forgets what it has certified once that is withdrawn";
    breaks(what, Broken::Distrust, with(&[Mutation::ForgetsWithdrawn], PROVIDED));
    let two = Scope { distrusts: 2, ..PROVIDED };
    hold_at_full_size(&[("two roots are distrusted, people provide a CA", two)]);
}

#[test]
fn a_second_replica_and_late_writes_do_not_keep_a_distrusted_root() {
    holds(
        "a root is distrusted, slow writes of the root Secret",
        Scope { slow_root_writes: true, ..DISTRUST },
    );
    let second = Scope { second: SecondReplica::Signs, max_in_flight: 1, ..DISTRUST };
    hold_at_full_size(&[
        ("a root is distrusted, a second replica signs", second),
        ("a root is distrusted, two lead", Scope { second: SecondReplica::Leads, ..second }),
    ]);
}

/// What proves that a root is lost keeps most backups from signing; where it does not, status keeps what was distrusted.
/// Left out are people who restore a backup that is older than the announcement of a root, and distrust that root then, or
/// restore it before status names what went with the root: the backup does not record what its signer has certified since.
#[test]
fn what_went_with_a_distrusted_root_stays_so_whichever_backup_is_restored() {
    let any = with(&[Mutation::TrustsAnyBackup, Mutation::ForgetsTaken], RESTORES);
    let what = "any root Secret is taken for the latest, and status forgets what was distrusted";
    breaks(what, Broken::Distrust, any);
    hold_at_full_size(&[
        ("a root is distrusted, and the root Secret restored", RESTORES),
        (
            "status forgets what was distrusted, which proves a loss",
            with(&[Mutation::ForgetsTaken], RESTORES),
        ),
    ]);
}
