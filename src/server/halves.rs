//! A codec's two halves, each without the type of the other: a session decodes with one, it and its senders encode with the other.
//! Many messages at a time, as a call that the compiler can't see through costs more than a small message.

use std::marker::PhantomData;
use std::sync::Arc;
use std::vec::Vec;

use super::held::Run;
use crate::codec::{Codec, DecodeError, EncodeError, Payload};

pub(super) trait Decode<In>: Send + Sync {
    /// The first of some messages.
    fn first(&self, run: Run) -> Option<Result<In, DecodeError>>;

    /// Puts all of them behind others.
    fn all(&self, run: Run, messages: &mut Vec<Result<In, DecodeError>>);
}

pub(super) trait Encode<Out>: Send + Sync {
    fn one(&self, message: Out) -> Result<Payload, EncodeError>;

    /// All of them, or the error of the first that can't be encoded.
    fn all(&self, messages: Vec<Out>) -> Result<Vec<Payload>, EncodeError>;
}

/// A codec, seen as one of its halves.
struct Half<C, Other> {
    codec: Arc<C>,
    other: PhantomData<fn() -> Other>,
}

/// The halves of a codec.
pub(super) fn halves<In, Out, C>(codec: C) -> (Arc<dyn Decode<In>>, Arc<dyn Encode<Out>>)
where
    In: 'static,
    Out: 'static,
    C: Codec<In, Out>,
{
    let codec = Arc::new(codec);
    let decode = Half::<C, Out> {
        codec: codec.clone(),
        other: PhantomData,
    };
    let encode = Half::<C, In> {
        codec,
        other: PhantomData,
    };
    (Arc::new(decode), Arc::new(encode))
}

impl<In, Out, C: Codec<In, Out>> Decode<In> for Half<C, Out> {
    fn first(&self, mut run: Run) -> Option<Result<In, DecodeError>> {
        let mut first = None;
        run.split_front(1).decode(&*self.codec, |message| first = Some(message));
        first
    }

    fn all(&self, run: Run, messages: &mut Vec<Result<In, DecodeError>>) {
        messages.reserve(run.len());
        run.decode(&*self.codec, |message| messages.push(message));
    }
}

impl<In, Out, C: Codec<In, Out>> Encode<Out> for Half<C, In> {
    fn one(&self, message: Out) -> Result<Payload, EncodeError> {
        self.codec.encode(message)
    }

    fn all(&self, messages: Vec<Out>) -> Result<Vec<Payload>, EncodeError> {
        messages.into_iter().map(|message| self.codec.encode(message)).collect()
    }
}
