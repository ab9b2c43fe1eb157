//! Rules and assumptions that are broken on purpose. Each rule is a line of the operator, and a test of the operator fails
//! without that line: deleting it changes nothing in the model, which has a line of its own.
//!
//! Each line was deleted once, or changed as it says here, and the test that [`Mutation::product_test`] names failed.
//! `tests/mutants.rs` holds that each function is where the table says, and has in it what is quoted.
//!
//! | Mutation | File below `src/` | Function | Deleted |
//! | --- | --- | --- | --- |
//! | `SignsWithOldView` | `operator/identity/act.rs` | `issue` | `ensure_fresh(context, root, &issuer.spec).await?` |
//! | `RefreshesFromOldView` | `operator/identity/act.rs` | `refresh` | `ensure_fresh(context, root, &issuer.spec).await?` |
//! | `CreatesByStaleIndex` | `operator/authority/root/loss.rs` | `evidence` | `leaf_secret(context, spec).await?` |
//! | `ExpiredLeavesBlock` | `operator/index/issuer.rs` | `holds_retiring` | `>= now` |
//! | `MissingTrustBlocks` | `operator/index/issuer.rs` | `lags` | `signer.rotation.is_announced &&` |
//! | `ExpiredLeavesAreEvidence` | `operator/authority/root/known_signers.rs` | `is_claim` | `recorded.has_valid_leaf(now)` |
//! | `NoEvidence` | `operator/authority/root/loss.rs` | `evidence` | all of it |
//! | `NamesSignerAfterItsFirstLeaf` | `operator/authority/controller.rs` | `reconcile` | the return where `!names_signer(&authority, &outcome)` |
//! | `WaitsSinceLastWrite` | `operator/scheduler/secret_events.rs` | `lagging` | the condition with `lags(secret, signer, seconds(now))` |
//! | `ForgetsBetweenLooks` | `plan/authority/quiet_period.rs` | `observed` | `if !was_behind` |
//! | `Unconfirmed` | `operator/authority/reconcile.rs` | `confirmed` | `confirm(consumers, spec, &observed.loaded, &observed.blockers, self.quiet_period).await` |
//! | `IgnoresInterruptions` | `operator/scheduler/secret_events.rs` | `apply_secret` | `is_jump` |
//! | `ServesNoCrossThatEndsEarly` | `pki/authority.rs` | `issue` | added: the cross-certificate is left out of `self.served()` where it ends before the leaf |
//! | `UnguardedRootWrites` | `operator/authority/root/patch.rs` | `at_version` | `"resourceVersion": version` |
//! | `UnguardedLeafWrites` | `operator/identity/act.rs` | `patch` | `"resourceVersion"` |
//! | `Unclamped` | `pki/authority.rs` | `issue` | `self.signer.window.contains(&window)` |
//! | `NoClosure` | `plan/authority/distrust.rs` | `reason` | every reason but `DistrustReason::Named` |
//! | `ForgetsWithdrawn` | `operator/authority/root/transition.rs` | `withdraw` | `self.keep_certified(&mut patch)` |
//! | `TrustsAnyBackup` | `plan/authority/evidence.rs` | `evidence` | the case of `Explained::Held` |
//! | `ForgetsTaken` | `operator/authority/status.rs` | `distrusted` | `former.taken` |

/// A rule outside the pure functions, or an assumption about the world, that is broken on purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mutation {
    /// A replica signs with a view of any age.
    SignsWithOldView,
    /// A replica writes trust bundles from a view of any age.
    RefreshesFromOldView,
    /// A root is created where an index that lags shows no leaves, whatever status says.
    CreatesByStaleIndex,
    /// A leaf that has expired blocks the end of a rotation.
    ExpiredLeavesBlock,
    /// A Secret that lacks the root that signs by now blocks the end of a rotation.
    MissingTrustBlocks,
    /// A leaf that has expired proves that a root is lost.
    ExpiredLeavesAreEvidence,
    /// Nothing proves that a root is lost.
    NoEvidence,
    /// The authority's status names a signer once it has signed.
    NamesSignerAfterItsFirstLeaf,
    /// The wait restarts with every write.
    WaitsSinceLastWrite,
    /// A Secret that was behind between two observations is forgotten.
    ForgetsBetweenLooks,
    /// No fresh list confirms what an index shows.
    Unconfirmed,
    /// What was missed while a watch was interrupted is taken for unchanged.
    IgnoresInterruptions,
    /// No cross-certificate is served that ends before the leaf.
    ServesNoCrossThatEndsEarly,
    /// Consumers take longer than `propagation`.
    SlowConsumers,
    /// A write of the root Secret names no version.
    UnguardedRootWrites,
    /// A write of a leaf Secret names no version.
    UnguardedLeafWrites,
    /// Leaves outlive their signer.
    Unclamped,
    /// With a distrusted root no other is distrusted.
    NoClosure,
    /// A signer forgets what it has certified once that is withdrawn.
    ForgetsWithdrawn,
    /// A root Secret that is there is taken for the latest.
    TrustsAnyBackup,
    /// Status does not say what was distrusted with another root.
    ForgetsTaken,
}

impl Mutation {
    /// All of them.
    pub const ALL: [Self; 21] = [
        Self::SignsWithOldView,
        Self::RefreshesFromOldView,
        Self::CreatesByStaleIndex,
        Self::ExpiredLeavesBlock,
        Self::MissingTrustBlocks,
        Self::ExpiredLeavesAreEvidence,
        Self::NoEvidence,
        Self::NamesSignerAfterItsFirstLeaf,
        Self::WaitsSinceLastWrite,
        Self::ForgetsBetweenLooks,
        Self::Unconfirmed,
        Self::IgnoresInterruptions,
        Self::ServesNoCrossThatEndsEarly,
        Self::SlowConsumers,
        Self::UnguardedRootWrites,
        Self::UnguardedLeafWrites,
        Self::Unclamped,
        Self::NoClosure,
        Self::ForgetsWithdrawn,
        Self::TrustsAnyBackup,
        Self::ForgetsTaken,
    ];

    /// The test of the operator that fails without this rule, as `<program>::<function>`. An assumption about the world has
    /// none.
    #[must_use]
    pub const fn product_test(self) -> Option<&'static str> {
        Some(match self {
            Self::SignsWithOldView => "conversation::a_replica_with_an_old_view_of_the_root_signs_nothing",
            Self::RefreshesFromOldView => {
                "conversation::a_replica_with_an_old_view_of_the_root_writes_no_bundle"
            }
            Self::CreatesByStaleIndex => {
                "conversation::no_root_is_made_where_a_leaf_belongs_to_an_identity_that_the_index_was_not_told_of"
            }
            Self::ExpiredLeavesBlock => "laws::a_valid_leaf_of_a_retiring_root_blocks_its_removal",
            Self::MissingTrustBlocks => {
                "laws::a_secret_without_the_next_root_blocks_its_switch_and_nothing_after_it"
            }
            Self::ExpiredLeavesAreEvidence => {
                "laws::only_an_unexpired_leaf_of_this_authority_that_was_verified_for_this_spec_is_suspected"
            }
            Self::NoEvidence => "conversation::a_lost_root_is_not_made_again",
            Self::NamesSignerAfterItsFirstLeaf => {
                "conversation::a_status_that_cannot_be_written_holds_up_a_signer_that_it_does_not_name_and_nothing_else"
            }
            Self::WaitsSinceLastWrite => "laws::a_list_that_shows_nothing_newer_than_the_index_hides_nothing",
            Self::ForgetsBetweenLooks => "laws::a_secret_behind_between_two_looks_restarts_the_quiet_period",
            Self::Unconfirmed => "conversation::an_index_that_lags_switches_no_signer",
            Self::IgnoresInterruptions => "laws::a_list_with_another_version_hides_what_was_in_between",
            Self::ServesNoCrossThatEndsEarly => {
                "pki_laws::a_cross_certificate_is_served_until_it_ends_however_long_the_leaf_lives"
            }
            Self::SlowConsumers => return None,
            Self::UnguardedRootWrites => "laws::a_rotation_goes_through_its_phases_and_ends_as_it_began",
            Self::UnguardedLeafWrites => "conversation::what_people_break_in_a_secret_is_healed",
            Self::Unclamped => "pki_laws::a_window_outside_the_authority_by_one_second_is_refused",
            Self::NoClosure => "laws::the_closure_is_transitive",
            Self::ForgetsWithdrawn => "laws::a_withdrawn_root_leaves_nothing_behind",
            Self::TrustsAnyBackup => {
                "conversation::a_root_secret_with_another_evidence_key_or_none_is_another_one_until_the_loss_is_accepted"
            }
            Self::ForgetsTaken => {
                "conversation::what_was_distrusted_with_another_root_stays_so_whichever_backup_is_restored"
            }
        })
    }
}

/// A set of mutations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mutations(u32);

impl Mutations {
    /// None.
    pub const NONE: Self = Self(0);

    /// These.
    #[must_use]
    pub fn of(mutations: &[Mutation]) -> Self {
        Self(mutations.iter().fold(0, |set, mutation| set | 1 << *mutation as u32))
    }

    /// Whether this is one of them.
    #[must_use]
    pub const fn has(self, mutation: Mutation) -> bool {
        self.0 & (1 << mutation as u32) != 0
    }
}
