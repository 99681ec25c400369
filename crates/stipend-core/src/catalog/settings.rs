//! How an environment counts periods and prorates credits.

use crate::zone::Zone;

/// Where the periods of a new subscription begin.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Alignment {
    /// With the subscription; the default.
    #[default]
    SubscriptionStart,
    /// With the calendar month; what is before the first of them is a shorter period of its own
    /// (`calendar.md` C18, C20).
    StartOfMonth,
}

/// What a change in the middle of a period grants.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CreditProration {
    /// The whole difference; the default (`behaviour.md` §0.6).
    #[default]
    Whole,
    /// The part of it that falls to the rest of the period (`calendar.md` C28–C31).
    Prorate,
}

/// The settings of an environment. A subscription keeps the zone and the alignment that it began
/// with: they are part of its anchor.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// In which zone's wall time periods are counted; UTC where there is none.
    pub zone: Option<Zone>,
    /// Where periods begin.
    pub alignment: Alignment,
    /// What a change in the middle of a period grants.
    pub proration: CreditProration,
}

/// A change of settings; absent fields stay as they are when it is decided.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SettingsPatch {
    /// The new zone, or UTC.
    pub zone: Option<Option<Zone>>,
    /// Where periods begin from now on.
    pub alignment: Option<Alignment>,
    /// What a change in the middle of a period grants from now on.
    pub proration: Option<CreditProration>,
}

impl SettingsPatch {
    /// The settings after the change.
    pub(super) fn applied_to(&self, settings: &Settings) -> Settings {
        Settings {
            zone: self.zone.clone().unwrap_or_else(|| settings.zone.clone()),
            alignment: self.alignment.unwrap_or(settings.alignment),
            proration: self.proration.unwrap_or(settings.proration),
        }
    }
}
