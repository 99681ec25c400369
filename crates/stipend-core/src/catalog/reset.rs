//! When a feature's usage starts anew, and changes of that.

/// How often a feature's usage starts anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResetPeriod {
    /// Every year.
    Year,
    /// Every month.
    Month,
    /// Every week.
    Week,
    /// Every day.
    Day,
    /// Every hour.
    Hour,
}

/// When a feature's usage starts anew.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reset {
    /// How often.
    pub period: ResetPeriod,
    /// From where it is counted, in the contract's words (`SubscriptionStart`, `EveryMonday`, …).
    pub according_to: Option<String>,
}

/// A change of when a feature's usage starts anew. It is read on top of what is there, so that two
/// changes of different things both hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ResetPatch {
    /// How often; what is there stays where it is not named.
    pub period: Option<ResetPeriod>,
    /// From where it is counted, each for the period that it goes with: a text, or `None` for the
    /// usual one.
    pub begins: Vec<(ResetPeriod, Option<String>)>,
}

impl ResetPatch {
    /// The reset that follows from what is there. From where it is counted is kept where the period
    /// is, and the usual one after another period was chosen.
    ///
    /// # Errors
    /// The period that a text goes with, where that is not the one that follows.
    ///
    /// ```
    /// use stipend_core::catalog::{Reset, ResetPatch, ResetPeriod};
    ///
    /// let monday = Some("EveryMonday".to_owned());
    /// let weekly = Reset { period: ResetPeriod::Week, according_to: monday.clone() };
    /// let unchanged = ResetPatch::default();
    /// assert_eq!(unchanged.merge(Some(&weekly)), Ok(Some(weekly.clone())));
    /// let begins = vec![(ResetPeriod::Week, monday)];
    /// let daily = ResetPatch { period: Some(ResetPeriod::Day), begins };
    /// assert_eq!(daily.merge(Some(&weekly)), Err(ResetPeriod::Week));
    /// ```
    pub fn merge(&self, stored: Option<&Reset>) -> Result<Option<Reset>, ResetPeriod> {
        let Some(period) = self.period.or(stored.map(|stored| stored.period)) else {
            let mut named = self.begins.iter().filter(|(_, begins)| begins.is_some());
            return named.next().map_or(Ok(None), |(other, _)| Err(*other));
        };
        let kept = stored.filter(|stored| stored.period == period);
        let mut according_to = kept.and_then(|stored| stored.according_to.clone());
        for (own, begins) in &self.begins {
            if *own == period {
                according_to.clone_from(begins);
            } else if begins.is_some() {
                return Err(*own);
            }
        }
        Ok(Some(Reset { period, according_to }))
    }
}
