//! The generator splitmix64, and which customer a usage is of.

/// A small generator that gives the same numbers in every run.
#[derive(Clone, Debug)]
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15))
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}

/// Which customers the usages are of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Choice {
    /// Every customer as often as any other.
    Uniform,
    /// 90 of 100 usages are of one in a hundred customers, spread over all segments.
    Skewed,
    /// One customer.
    Hot,
}

impl Choice {
    /// The next customer, of so many.
    pub(crate) fn pick(self, random: &mut Random, customers: u32) -> u32 {
        let customers = u64::from(customers.max(1));
        let any = random.next() % customers;
        let picked = match self {
            Self::Uniform => any,
            Self::Skewed if random.next() % 100 < 90 => any / 100 * 100,
            Self::Skewed => any,
            Self::Hot => customers / 2,
        };
        u32::try_from(picked).expect("it is below a number of 32 bits")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_choice_gives_customers_that_exist_as_often_as_it_says() {
        let check = |choice: Choice, share_of_hundreds: std::ops::Range<usize>| {
            let mut random = Random::new(1);
            let picks: Vec<u32> = (0..10_000).map(|_| choice.pick(&mut random, 5_000)).collect();
            assert!(picks.iter().all(|pick| *pick < 5_000), "{choice:?}");
            let hundreds = picks.iter().filter(|pick| **pick % 100 == 0).count();
            assert!(share_of_hundreds.contains(&hundreds), "{choice:?}: {hundreds}");
        };
        check(Choice::Uniform, 50..200);
        check(Choice::Skewed, 8_800..9_200);
        check(Choice::Hot, 10_000..10_001);
    }
}
