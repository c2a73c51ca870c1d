//! Describes a socket before it begins.

use std::boxed::Box;
use std::fmt;
use std::marker::PhantomData;
use std::pin::Pin;
use std::rc::Rc;
use std::string::{String, ToString};
use std::sync::Arc;
use std::time::Duration;
use std::vec::Vec;

use futures_core::Future;

use super::core::Core;
use super::driver::{self, Plan};
use super::error::ConnectError;
use super::receiver::Decoder;
use super::sender::{Encode, Encoder};
use super::socket::{Handle, Socket};
use crate::browser::{self, ProtocolError, Reactor, UrlError};
use crate::codec::Codec;
use crate::proto::{
    Close, Config, ConnectTimeout, Connection, Heartbeat, Inbox, OnSessionLost, Outbox, OutboxOverflow, Reconnect,
};

#[cfg(feature = "json")]
type DefaultCodec = crate::codec::Json;
#[cfg(not(feature = "json"))]
type DefaultCodec = crate::codec::Text;

/// What the URL provider knows when it is asked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Attempt {
    /// The number of the attempt: 1 for the first, one more for each.
    pub number: u32,
    /// How the last connection or attempt ended.
    pub last_close: Option<Close>,
}

pub(super) type UrlFuture = Pin<Box<dyn Future<Output = Option<String>>>>;
pub(super) type UrlProvider = Box<dyn Fn(Attempt) -> UrlFuture>;
pub(super) type RetryPolicy = Box<dyn Fn(&Close) -> bool>;

/// Describes a socket; [`connect`](Self::connect) begins it. Every option has a default that suits most pages.
pub struct Builder<In, Out = In, C = DefaultCodec> {
    url: String,
    protocols: Vec<String>,
    config: Config,
    codec: C,
    provider: Option<UrlProvider>,
    retry: Option<RetryPolicy>,
    heartbeat: Option<Rc<dyn Fn() -> Out>>,
    on_session_lost: OnSessionLost,
    trusts_silence: bool,
    incoming: PhantomData<fn() -> In>,
}

impl<In, Out> Builder<In, Out> {
    pub(super) fn new(url: String) -> Self {
        Self {
            url,
            protocols: Vec::new(),
            config: Config::new(),
            codec: DefaultCodec::default(),
            provider: None,
            retry: None,
            heartbeat: None,
            on_session_lost: OnSessionLost::default(),
            trusts_silence: false,
            incoming: PhantomData,
        }
    }
}

impl<In, Out, C> Builder<In, Out, C> {
    /// How messages are encoded and decoded. Default: [`Json`](crate::codec::Json).
    pub fn codec<D>(self, codec: D) -> Builder<In, Out, D> {
        Builder {
            url: self.url,
            protocols: self.protocols,
            config: self.config,
            codec,
            provider: self.provider,
            retry: self.retry,
            heartbeat: self.heartbeat,
            on_session_lost: self.on_session_lost,
            trusts_silence: self.trusts_silence,
            incoming: PhantomData,
        }
    }

    /// The subprotocols to offer, the most wanted first. On a [`durable`](Self::durable) socket they travel in the
    /// session's first frame, 32 at most. Default: none.
    pub fn protocols<I>(mut self, protocols: I) -> Self
    where
        I: IntoIterator,
        I::Item: Into<String>,
    {
        self.protocols = protocols.into_iter().map(Into::into).collect();
        self
    }

    /// Asks for the URL before every attempt, in place of the fixed one: for a fresh token, say.
    ///
    /// An `Err`, or a URL that can't be used, is a failed attempt, and the next one asks again. The future runs in the
    /// socket's own task and is dropped when its attempt is over.
    ///
    /// ```no_run
    /// # async fn fetch_token() -> Result<String, std::io::Error> { unimplemented!() }
    /// # use tautline::Socket;
    /// let builder = Socket::<String>::builder("")
    ///     .url_with(|_attempt| async { Ok::<_, std::io::Error>(format!("wss://example.com/?token={}", fetch_token().await?)) });
    /// ```
    pub fn url_with<F, R, U, E>(mut self, provider: F) -> Self
    where
        F: Fn(Attempt) -> R + 'static,
        R: Future<Output = Result<U, E>> + 'static,
        U: Into<String>,
    {
        self.provider = Some(Box::new(move |attempt| {
            let url = provider(attempt);
            Box::pin(async move { url.await.ok().map(Into::into) })
        }));
        self.config.ask_url = true;
        self
    }

    /// Whether and when to try again; `None`: never. As long as the server keeps a [`durable`](Self::durable) session,
    /// no delay is longer than a sixth of that time: 20 s, unless the server is told otherwise. Default:
    /// [`Reconnect::default`], for ever.
    pub fn reconnect(mut self, reconnect: impl Into<Option<Reconnect>>) -> Self {
        self.config.reconnect = reconnect.into();
        self
    }

    /// Decides about every end that the browser reports, failed attempts included: whether to come back. Default: come
    /// back unless the close code says that it would fail again (1002, 1007, 1009) or that credentials are refused
    /// twice (3000, 4401). With 4400, 4409 and 4413 a [`durable`](Self::durable) session has ended, whatever this says.
    pub fn retry(mut self, policy: impl Fn(&Close) -> bool + 'static) -> Self {
        self.retry = Some(Box::new(policy));
        self
    }

    /// How long an attempt may take, the question for its URL included, and on a [`durable`](Self::durable) socket the
    /// greeting. Default: 10 s.
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.config.connect_timeout = ConnectTimeout(timeout);
        self
    }

    /// Notices a dead link: after `interval` without a word from the server, `message` goes out, which the server is to
    /// answer with any message; `timeout` later the link counts as dead and the socket connects again. Default: none.
    ///
    /// On a [`durable`](Self::durable) socket a PING of the protocol's goes out instead, and `message` is not asked
    /// for. The default there is the server's: silent for twice as long as it ever should be, it is sent a PING, and
    /// has 5 s for the answer.
    pub fn heartbeat(mut self, interval: Duration, timeout: Duration, message: impl Fn() -> Out + 'static) -> Self {
        self.config.heartbeat = Some(Heartbeat { interval, timeout });
        self.heartbeat = Some(Rc::new(message));
        self
    }

    /// Trusts the browser with dead links, which takes minutes to notice one. The default of a plain socket; a
    /// [`durable`](Self::durable) one otherwise heeds what the server says of its own heartbeat.
    pub fn without_heartbeat(mut self) -> Self {
        self.config.heartbeat = None;
        self.heartbeat = None;
        self.trusts_silence = true;
        self
    }

    /// Delivers every message exactly once and in order, both ways, across lost connections: by a session with a server
    /// that speaks `tautline.v1`. That holds as long as the server keeps the session;
    /// [`Event::SessionLost`](crate::Event::SessionLost) tells when it has not. Leave it out for a plain WebSocket.
    ///
    /// A server that does not speak it is [`Failure::Unsupported`](crate::Failure::Unsupported), once three connections
    /// opened and brought no session; a browser that does not open them in the first place tells no more than
    /// [`Failure::Refused`](crate::Failure::Refused).
    ///
    /// ```no_run
    /// # async fn run() -> Result<(), Box<dyn std::error::Error>> {
    /// let socket = tautline::Socket::<String>::builder("wss://example.com/chat").durable().connect()?;
    /// let (mut sender, _receiver) = socket.split();
    /// sender.send("hello".into()).await?;
    /// sender.flush().await?; // the application at the other end has taken it
    /// # Ok(())
    /// # }
    /// ```
    pub fn durable(mut self) -> Self {
        self.config.durable.get_or_insert_default();
        self
    }

    /// What becomes of messages that had gone out when the server of a [`durable`](Self::durable) socket lost the
    /// session, so that nobody knows whether they arrived. Those that never went out go out in the new session.
    /// Default: [`OnSessionLost::Return`], [`Event::SessionLost`](crate::Event::SessionLost) gives them back.
    pub fn on_session_lost(mut self, choice: OnSessionLost) -> Self {
        self.on_session_lost = choice;
        self
    }

    /// Bounds of what is accepted and not yet handed on, on a [`durable`](Self::durable) socket not yet taken by the
    /// other application. Such a one can't drop the oldest: that is a [`ConnectError::Option`]. Default: 1,024
    /// messages, 16 MiB, a message that does not fit waits.
    pub fn outbox(mut self, outbox: Outbox) -> Self {
        self.config.outbox = outbox;
        self
    }

    /// Bounds of what arrived and was not yet taken. On a [`durable`](Self::durable) socket more never arrives: the
    /// other end waits. Its window is the smaller of `messages` and `bytes / 4096`, of which a message takes up one,
    /// and one more for every 4,096 bytes it has; `bytes` is also the largest message it takes. Default: 4,096
    /// messages, 64 MiB, the socket closes when more arrives.
    pub fn inbox(mut self, inbox: Inbox) -> Self {
        self.config.inbox = inbox;
        self
    }

    /// Begins to connect, and returns at once.
    ///
    /// # Errors
    /// [`ConnectError`] for a URL, a subprotocol or an option that can't be used.
    pub fn connect(mut self) -> Result<Socket<In, Out>, ConnectError>
    where
        In: 'static,
        Out: 'static,
        C: Codec<In, Out>,
    {
        browser::check_protocols(&self.protocols).map_err(protocol_error)?;
        if let Some(durable) = &mut self.config.durable {
            durable.protocols.clone_from(&self.protocols);
            durable.on_session_lost = self.on_session_lost;
            durable.trusts_silence = self.trusts_silence;
        }
        check_options(&self.config)?;
        let url = match self.provider {
            Some(_) => String::new(),
            None => browser::resolve(&self.url).map_err(|error| ConnectError::Url {
                reason: url_reason(error),
                url: self.url.clone(),
            })?,
        };
        let core = Arc::new(Core::new(Connection::new(
            self.config,
            Reactor::<driver::Driver>::seed(),
        )));
        let codec = Arc::new(self.codec);
        let encode: Arc<dyn Encode<Out>> = Arc::new(Encoder {
            codec: codec.clone(),
            incoming: PhantomData,
        });
        let decode = Arc::new(Decoder {
            codec,
            outgoing: PhantomData,
        });
        let heartbeat = self.heartbeat.map(|message| {
            let encode = encode.clone();
            Box::new(move || encode.encode(message()).ok()) as Box<_>
        });
        driver::spawn(
            core.clone(),
            Plan {
                url,
                protocols: self.protocols,
                provider: self.provider,
                retry: self.retry,
                heartbeat,
            },
        );
        Ok(Socket::new(Handle::new(core), encode, decode))
    }
}

impl<In, Out, C> fmt::Debug for Builder<In, Out, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder")
            .field("protocols", &self.protocols)
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}

fn check_options(config: &Config) -> Result<(), ConnectError> {
    let refuse = |option, reason| Err(ConnectError::Option { option, reason });
    if let Some(reconnect) = &config.reconnect {
        if !(reconnect.factor.is_finite() && reconnect.factor >= 1.0) {
            return refuse("reconnect", "`factor` must be a number of at least 1");
        }
        if reconnect.max_attempts == Some(0) {
            return refuse("reconnect", "`max_attempts` must be at least 1");
        }
    }
    if config.connect_timeout.0.is_zero() {
        return refuse("connect_timeout", "it must be longer than nothing");
    }
    if config
        .heartbeat
        .is_some_and(|heartbeat| heartbeat.interval.is_zero() || heartbeat.timeout.is_zero())
    {
        return refuse("heartbeat", "`interval` and `timeout` must be longer than nothing");
    }
    if config.outbox.messages == 0 || config.outbox.bytes == 0 {
        return refuse("outbox", "it must have room for something");
    }
    if config
        .durable
        .as_ref()
        .is_some_and(|durable| durable.protocols.len() > 32)
    {
        return refuse("protocols", "a durable socket offers at most 32");
    }
    if config.durable.is_some() && config.outbox.overflow == OutboxOverflow::DropOldest {
        return refuse(
            "outbox",
            "a durable socket drops nothing: let `send` wait or be refused",
        );
    }
    if config.inbox.messages == 0 || config.inbox.bytes == 0 {
        return refuse("inbox", "it must have room for something");
    }
    Ok(())
}

fn protocol_error(error: ProtocolError) -> ConnectError {
    match error {
        ProtocolError::Invalid(protocol) => ConnectError::Protocol {
            protocol,
            reason: "a name consists of letters, digits and !#$%&'*+-.^_`|~",
        },
        ProtocolError::Duplicate(protocol) => ConnectError::Protocol {
            protocol: protocol.to_string(),
            reason: "it is there twice",
        },
    }
}

const fn url_reason(error: UrlError) -> &'static str {
    match error {
        UrlError::Malformed => "it is no URL",
        UrlError::Scheme => "it must begin with ws:, wss:, http: or https:, or be relative to the page",
        UrlError::Fragment => "a WebSocket has no fragment: leave out the # and what follows",
    }
}
