//! How the domain's values are written. A number that stands here is never used again for
//! something else; a new field is an `Option`.

use stipend_core::customer::{Grant, LiveGrants};
use stipend_core::{
    Amount, Anchor, CurrencyId, CustomerId, EnvId, FeatureId, Formula, GrantNo, MeterId, PackageId,
    Period, PoolId, ProductId, ReservationId, ResourceId, Shared, Slot, SubscriptionId,
    SubscriptionNo, Timestamp, Zone,
};

use std::ops::Deref as _;

use super::{CodecError, Decode, Encode, Reader, Writer};
use crate::{newtype, record, text_id};

text_id!(
    CurrencyId,
    CustomerId,
    FeatureId,
    PackageId,
    ProductId,
    ReservationId,
    ResourceId,
    SubscriptionId,
    Zone
);
newtype!(EnvId(u32), Slot(u32), GrantNo(u32), SubscriptionNo(u32), PoolId(u64), MeterId(u64));

impl Encode for Amount {
    fn encode(&self, writer: &mut Writer) {
        writer.i128(self.nano());
    }
}

impl Decode for Amount {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, CodecError> {
        reader.i128().map(Self::from_nano)
    }
}

record!(Anchor { 1 => at, 2 => zone });
record!(Period { 1 => k, 2 => start, 3 => end });

impl<T: Encode> Encode for Shared<T> {
    fn encode(&self, writer: &mut Writer) {
        self.deref().encode(writer);
    }
}

impl<T: Decode> Decode for Shared<T> {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, CodecError> {
        T::decode(reader).map(Self::from)
    }
}

/// Used-up grants stand among the others, in burn order: that they are kept apart is a matter of memory.
impl Encode for LiveGrants {
    fn encode(&self, writer: &mut Writer) {
        writer.count(self.len());
        self.iter().for_each(|grant| grant.encode(writer));
    }
}

impl Decode for LiveGrants {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, CodecError> {
        Vec::<Grant>::decode(reader).map(Self::from)
    }
}

/// A formula is its text.
impl Encode for Formula {
    fn encode(&self, writer: &mut Writer) {
        self.source().encode(writer);
    }
}

impl Decode for Formula {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, CodecError> {
        Self::parse(reader.text()?).map_err(|_| CodecError::Invalid("a formula"))
    }
}

impl Encode for Timestamp {
    fn encode(&self, writer: &mut Writer) {
        writer.i64(self.micros());
    }
}

impl Decode for Timestamp {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, CodecError> {
        reader.i64().map(Self::from_micros)
    }
}
