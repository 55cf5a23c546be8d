//! Other machines over NATS: what this camera sends there, the one that it shows from there, and those that it hears.
//! Each server has a thread, where `async-nats` runs; the module's calls leave and find things in a shared state, and
//! never wait.
//!
//! Newest wins. At most two frames are under way to the server: each is followed by an empty message to ourselves, and
//! while two of those are not back further frames are dropped whole. (Where the server does not let us hear ourselves,
//! a frame has landed when the kernel has it.) At most two are asked for from it: each by a subscription that ends with
//! its first message, both in one queue group; what is published while both are under way the server throws away. Node
//! has the same in host/nats/.

use std::collections::VecDeque;
use std::error::Error;
use std::fs;
use std::ops::Range;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use async_nats::{Client, ConnectErrorKind, ConnectOptions, Event, HeaderMap, Message, ServerError, Subscriber};
use board::capture::{Capture, Format, Frame, Mode};
use board::clock::{Clock, Micros, NEVER, SECOND};
use board::fault::{Fault, Mistake, Refusal};
use board::fleet::{Fleet, HeardCamera, NAME_MAX, OutFrame};
use board::log::Level;
use futures_util::StreamExt;
use percent_encoding::percent_decode_str;
use rustix::event::{EventfdFlags, eventfd};
use tokio::sync::{Notify, mpsc};
use tokio::time::timeout;

use crate::system::{SystemClock, signal};

const UNDER_WAY_MAX: usize = 2;
/// Room that the headers take of what a server allows a message.
const HEADERS_BYTES: usize = 256;
const INFO_EVERY: Duration = Duration::from_secs(1);
const TELL_EVERY: Duration = Duration::from_secs(60);
/// Complaints of the server that the log is told, for a connection; each once.
const COMPLAINTS_MAX: usize = 8;
/// A frame for which nobody has asked is forgotten after this.
const FRESH: Micros = SECOND;
/// A frame can't have been under way for longer: then the clocks of the two machines differ.
const AGE_MAX: Micros = 10 * SECOND;
/// Cameras that are known at once, and how long one that is not heard, and a picture, are kept.
const CAMERAS_MAX: usize = 64;
const FORGET_AFTER: Duration = Duration::from_secs(60);
const PICTURE_FRESH: Duration = Duration::from_secs(5);
const FILE_BYTES_MAX: usize = 256 * 1024;
/// How long a picture of a camera is waited for before it is asked for anew.
const PICTURE_PATIENCE: Duration = Duration::from_secs(10);
/// Messages that may have come and not been looked at: of one subscription, beyond which the library throws further
/// ones away, and of all together.
const UNREAD_MAX: usize = 2 * CAMERAS_MAX;
const CAME_MAX: usize = 16;
/// The pause before the server is tried again; it doubles, up to a connection that lasts for longer than the longest
/// one, and is a little longer by chance.
const PAUSE_MIN: Duration = Duration::from_millis(250);
const PAUSE_MAX: Duration = Duration::from_secs(8);
const CONNECT_PATIENCE: Duration = Duration::from_secs(5);
const ASK_EVERY: Duration = Duration::from_secs(10);

const SEQUENCE: &str = "Wasmcam-Sequence";
const TIME: &str = "Wasmcam-Time";
const SIZE: &str = "Wasmcam-Size";
const BYTES: &str = "Wasmcam-Bytes";

/// A NATS server, and who we are to it.
#[derive(Clone, Default)]
pub struct Server {
    /// `host:port`
    pub address: String,
    /// Whether nothing may be said to it in the clear.
    pub tls: bool,
    pub token: Option<String>,
    pub user: Option<(String, String)>,
    pub credentials: Option<PathBuf>,
    pub authorities: Option<PathBuf>,
}

/// Whether that is the address of a NATS server, or of a camera there.
pub fn is_address(text: &str) -> bool {
    text.starts_with("nats:") || text.starts_with("tls:")
}

/// Reads `nats://[token@|user:password@]host[:port][/name]`; answers the server and the name, "" where there is none.
/// What stands before the `@` may be percent-encoded. An error says nothing of the text, which may hold secrets.
pub fn read_address(text: &str) -> Result<(Server, String), String> {
    let wrong = || "it is an address such as nats://token@server:4222".to_string();
    let decoded = |text: &str| percent_decode_str(text).decode_utf8().map(String::from).map_err(|_| wrong());
    let (scheme, rest) = text.split_once("://").filter(|_| is_address(text)).ok_or_else(wrong)?;
    let (authority, name) = rest.split_once('/').unwrap_or((rest, ""));
    let (who, host) = authority.rsplit_once('@').map_or((None, authority), |(who, host)| (Some(who), host));
    if host.is_empty() || host.contains(['?', '#']) {
        return Err(wrong());
    }
    let is_bare = |name: &str| !name.is_empty() && (name.ends_with(']') || !name.contains(':'));
    let address = match host.rsplit_once(':').filter(|_| !host.ends_with(']')) {
        None => format!("{host}:4222"),
        Some((name, port)) if is_bare(name) && port.parse::<u16>().is_ok_and(|port| port > 0) => host.to_string(),
        Some(_) => return Err(wrong()),
    };
    let mut server = Server { address, tls: scheme == "tls", ..Server::default() };
    match who.map(|who| who.split_once(':').unwrap_or((who, ""))) {
        Some((token, "")) => server.token = Some(decoded(token)?),
        Some((user, password)) => server.user = Some((decoded(user)?, decoded(password)?)),
        None => {}
    }
    Ok((server, name.to_string()))
}

/// Whether a camera may be called so: letters, digits, `-` and `_`.
pub fn is_name(text: &str) -> bool {
    (1..=NAME_MAX).contains(&text.len()) && text.bytes().all(|c| c.is_ascii_alphanumeric() || b"-_".contains(&c))
}

/// What the thread and the module's calls share.
struct Shared {
    server: Server,
    /// As which camera frames are sent there, and which one is shown from there.
    publish: Option<String>,
    source: Option<String>,
    /// Whether cameras are listened to there.
    hears: bool,
    state: Mutex<State>,
    /// Wakes the thread.
    wishes: Notify,
    /// Readable where there is something new for the module or the log.
    news: Arc<OwnedFd>,
    clock: SystemClock,
}

#[derive(Default)]
struct State {
    /// What the server takes in one message, while there is a connection.
    max_payload: Option<usize>,
    /// Frames that the thread is to send; how many there are of these and of those that have not landed.
    out: VecDeque<(HeaderMap, Vec<u8>)>,
    under_way: usize,
    dropped: u64,
    told_at: Option<Instant>,
    /// The module waits for a frame; the newest that came.
    wanted: bool,
    newest: Option<Picture>,
    cameras: Vec<Known>,
    lines: VecDeque<(Level, String)>,
}

struct Picture {
    bytes: Vec<u8>,
    heard_at: Micros,
    time: Micros,
}

/// A camera that is heard.
struct Known {
    facts: HeardCamera,
    heard_at: Instant,
    file: Option<(Vec<u8>, Instant)>,
    fetch: Fetch,
}

/// Whether a picture of a camera is being fetched.
#[derive(PartialEq)]
enum Fetch {
    /// No.
    No,
    /// The thread is to ask for one.
    Wanted,
    /// It has asked.
    Asked,
}

impl Known {
    fn name(&self) -> &[u8] {
        &self.facts.name[..self.facts.name_length]
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn say(&self, state: &mut State, level: Level, text: &str) {
        state.lines.push_back((level, format!("NATS server {}: {text}", self.server.address)));
        signal(&self.news);
    }
}

/// Other machines, as the module reaches them.
#[derive(Clone)]
pub struct NatsFleet {
    links: Vec<Arc<Shared>>,
    news: Arc<OwnedFd>,
}

impl NatsFleet {
    /// Starts a thread for each server. `publish`, `source`: a server, and a camera's name there.
    pub fn start(
        publish: Option<(Server, String)>,
        source: Option<(Server, String)>,
        clock: SystemClock,
    ) -> Result<NatsFleet, String> {
        let flags = EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK;
        let news = Arc::new(eventfd(0, flags).map_err(|error| error.to_string())?);
        let mut fleet = NatsFleet { links: Vec::new(), news };
        let from = source.map(|(server, name)| (server, None, Some(name)));
        let to = publish.map(|(server, name)| (server, Some(name), None));
        for (server, publish, source) in [from, to].into_iter().flatten() {
            let link = Arc::new(Shared {
                server,
                publish,
                source,
                hears: fleet.links.is_empty(),
                state: Mutex::default(),
                wishes: Notify::new(),
                news: Arc::clone(&fleet.news),
                clock,
            });
            fleet.links.push(Arc::clone(&link));
            let spawned = thread::Builder::new().name("nats".into()).spawn(move || keep(&link));
            spawned.map_err(|error| error.to_string())?; // it ends with the program
        }
        Ok(fleet)
    }

    /// The camera that is shown from a server, if one is.
    pub fn feed(&self) -> Option<NatsFeed> {
        let link = self.links.iter().find(|link| link.source.is_some())?;
        Some(NatsFeed { link: Arc::clone(link), under: None })
    }

    /// Readable where there is something new.
    pub fn news(&self) -> Arc<OwnedFd> {
        Arc::clone(&self.news)
    }

    pub fn take_lines(&self) -> Vec<(Level, String)> {
        self.links.iter().flat_map(|link| std::mem::take(&mut link.state().lines)).collect()
    }
}

impl Fleet for NatsFleet {
    fn out(&mut self, frame: Option<OutFrame<'_>>) -> Result<(), Fault> {
        let link = self.links.iter().find(|link| link.publish.is_some()).ok_or(Fault::Missing)?;
        let mut state = link.state();
        let max_payload = state.max_payload.ok_or(Fault::Again)?;
        let Some(frame) = frame else { return Ok(()) };
        let bytes = frame.file.len();
        let why = if bytes + HEADERS_BYTES > max_payload {
            format!("it takes no frame of {bytes} bytes")
        } else if state.under_way >= UNDER_WAY_MAX {
            "it takes frames too slowly".to_string()
        } else {
            state.under_way += 1;
            state.out.push_back((write_facts(&frame), frame.file.to_vec()));
            drop(state);
            link.wishes.notify_one();
            return Ok(());
        };
        state.dropped += 1;
        if state.told_at.is_none_or(|at| at.elapsed() >= TELL_EVERY) {
            state.told_at = Some(Instant::now());
            let dropped = std::mem::take(&mut state.dropped);
            link.say(&mut state, Level::Warning, &format!("{why}: {dropped} dropped since this was told last"));
        }
        Ok(())
    }

    fn camera(&mut self, index: usize) -> Result<HeardCamera, Fault> {
        let mut state = self.links.first().ok_or(Fault::Missing)?.state();
        state.cameras.retain(|camera| camera.heard_at.elapsed() <= FORGET_AFTER);
        let camera = state.cameras.get(index).ok_or(Fault::Again)?;
        let silence = u32::try_from(camera.heard_at.elapsed().as_millis()).unwrap_or(u32::MAX);
        Ok(HeardCamera { silence, ..camera.facts.clone() })
    }

    fn file(&mut self, name: &str, to: &mut [u8]) -> Result<usize, Fault> {
        let link = self.links.first().ok_or(Fault::Missing)?;
        let mut state = link.state();
        let camera = state.cameras.iter_mut().find(|camera| camera.name() == name.as_bytes()).ok_or(Fault::Missing)?;
        if camera.fetch == Fetch::No {
            camera.fetch = Fetch::Wanted;
            link.wishes.notify_one();
        }
        camera.file.take_if(|(_, at)| at.elapsed() > PICTURE_FRESH);
        let (file, _) = camera.file.as_ref().ok_or(Fault::Again)?;
        to.get_mut(..file.len()).ok_or(Fault::Refused)?.copy_from_slice(file);
        Ok(file.len())
    }
}

/// A camera at a server, as a sensor that makes JPEG files.
pub struct NatsFeed {
    link: Arc<Shared>,
    /// What is under way: to which bytes of the module's memory, and whether it knows that it is worth polling.
    under: Option<(Range<usize>, bool)>,
}

impl Capture for NatsFeed {
    fn set(&mut self, _: Micros, mode: Mode) -> Result<(), Fault> {
        self.stop();
        if mode.format == Format::Jpeg { Ok(()) } else { Err(Fault::Refused) }
    }

    fn start(&mut self, now: Micros, to: Range<usize>) -> Result<(), Refusal> {
        if self.under.is_some() {
            return Err(Mistake("captureStart while a capture is under way").into());
        }
        let mut state = self.link.state();
        state.newest.take_if(|picture| now - picture.heard_at > FRESH);
        state.wanted = true;
        drop(state);
        self.link.wishes.notify_one();
        self.under = Some((to, false));
        Ok(())
    }

    fn poll(&mut self, _: Micros, memory: &mut [u8]) -> Result<Frame, Refusal> {
        let Some((to, told)) = &mut self.under else {
            return Err(Mistake("capturePoll without a capture under way").into());
        };
        let mut state = self.link.state();
        let Some(picture) = state.newest.take() else {
            *told = false;
            return Err(Fault::Again.into());
        };
        state.wanted = false;
        drop(state);
        let room = memory.get_mut(to.clone()).ok_or(Mistake("the captured frame's memory is gone"))?;
        self.under = None;
        let length = picture.bytes.len();
        room.get_mut(..length).ok_or(Fault::Torn)?.copy_from_slice(&picture.bytes);
        Ok(Frame { length, time: picture.time })
    }

    fn stop(&mut self) {
        self.under = None;
        self.link.state().wanted = false;
    }

    fn has_event(&self, _: Micros) -> bool {
        matches!(self.under, Some((_, false))) && self.link.state().newest.is_some()
    }

    fn take_event(&mut self, now: Micros) -> bool {
        let ready = self.has_event(now);
        if let Some((_, told)) = &mut self.under {
            *told |= ready;
        }
        ready
    }

    fn event_at(&self) -> Micros {
        NEVER // the news wake the program
    }
}

/// µs since 1970.
fn time_now() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |span| span.as_micros() as i64)
}

fn write_facts(frame: &OutFrame<'_>) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(SEQUENCE, frame.sequence.to_string());
    headers.insert(TIME, (time_now() - i64::from(frame.age)).to_string());
    headers.insert(SIZE, format!("{}x{}", frame.size >> 16, frame.size & 0xffff));
    headers.insert(BYTES, frame.file.len().to_string());
    headers
}

/// What a message's headers say; where they say nothing that makes sense, 0.
fn read_facts(message: &Message) -> HeardCamera {
    let text = |name| message.headers.as_ref().and_then(|headers| headers.get(name)).map_or("", |value| value.as_str());
    let (width, height) = text(SIZE).split_once('x').unwrap_or_default();
    let side = |text: &str| text.parse::<u16>().map_or(0, u32::from);
    HeardCamera {
        sequence: text(SEQUENCE).parse().unwrap_or(0),
        bytes: text(BYTES).parse().unwrap_or(0),
        size: side(width) << 16 | side(height),
        time: text(TIME).parse::<i64>().map_or(0, |time| time.max(0)),
        ..HeardCamera::default()
    }
}

/// Keeps a connection: whenever it can't be had, or is lost, it is tried again after a pause that grows.
fn keep(link: &Arc<Shared>) {
    let mut pause = PAUSE_MIN;
    let mut told = String::new();
    loop {
        let began = Instant::now();
        // With its runtime goes all that a connection has begun.
        let reason = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
            Ok(runtime) => runtime.block_on(live(link)),
            Err(error) => Err(format!("no connection: {error}")),
        };
        let was_up = reason.is_ok();
        let reason = reason.unwrap_or_else(|reason| reason);
        {
            let mut state = link.state();
            state.max_payload = None;
            state.out.clear();
            state.under_way = 0;
            for camera in &mut state.cameras {
                camera.fetch = Fetch::No;
            }
            if was_up || reason != told {
                link.say(&mut state, Level::Warning, &format!("{reason}; it is tried again"));
            }
        }
        told = reason;
        if was_up && began.elapsed() > PAUSE_MAX {
            pause = PAUSE_MIN;
        }
        // By the clock's last digits, so that many do not come at once.
        let chance = (time_now() % 1000) as u32;
        thread::sleep(pause + pause * chance / 4000);
        pause = (pause * 2).min(PAUSE_MAX);
    }
}

async fn options(server: &Server) -> Result<ConnectOptions, String> {
    let mut options = ConnectOptions::new()
        .name("wasmcam")
        .connection_timeout(CONNECT_PATIENCE)
        .ping_interval(ASK_EVERY)
        .max_reconnects(1)
        .ignore_discovered_servers()
        .subscription_capacity(UNREAD_MAX)
        .require_tls(server.tls || server.authorities.is_some());
    if let Some(token) = &server.token {
        options = options.token(token.clone());
    }
    if let Some((user, password)) = &server.user {
        options = options.user_and_password(user.clone(), password.clone());
    }
    if let Some(path) = &server.credentials {
        let text = fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
        options = options.credentials(&text).map_err(|error| format!("{}: {error}", path.display()))?;
    }
    if let Some(path) = &server.authorities {
        options = options.add_root_certificates(path.clone());
    }
    Ok(options)
}

/// What came over one of the subscriptions.
enum Came {
    /// A frame has landed: our own message after it is back, or the kernel has it where that can't be.
    Landed,
    /// A frame of the camera that is shown.
    Frame(Message),
    /// A camera says that it is there.
    Info(Message),
    /// The picture of that camera that was asked for, or none after a while.
    Picture(String, Option<Message>),
}

/// Has what comes by a subscription sent on, up to its end.
fn forward(mut subscriber: Subscriber, to: mpsc::Sender<Came>, name_it: impl Fn(Message) -> Came + Send + 'static) {
    tokio::spawn(async move {
        while let Some(message) = subscriber.next().await {
            if to.send(name_it(message)).await.is_err() {
                return;
            }
        }
    });
}

/// Connects, and goes on until the connection is lost: then it answers Ok, with why.
async fn live(link: &Arc<Shared>) -> Result<String, String> {
    let (tell, mut events) = mpsc::unbounded_channel();
    let options = options(&link.server).await?.event_callback(move |event| {
        let tell = tell.clone();
        async move {
            let _ = tell.send(event);
        }
    });
    let client = options.connect(format!("nats://{}", link.server.address)).await.map_err(|error| reason(&error))?;
    let (sender, mut came) = mpsc::channel(CAME_MAX);
    let lost = |error: &dyn Error| format!("the connection is lost: {error}");
    let inbox = client.new_inbox();
    let mut session = Session {
        group: client.new_inbox().replace('.', "-"),
        client: client.clone(),
        inbox: inbox.clone(),
        hears_itself: true,
        sender,
        asked: 0,
        informed_at: None,
    };
    if link.publish.is_some() {
        let echoes = client.subscribe(inbox).await.map_err(|error| lost(&error))?;
        forward(echoes, session.sender.clone(), |_| Came::Landed);
    }
    if link.hears {
        let infos = client.subscribe("wasmcam.*.info").await.map_err(|error| lost(&error))?;
        forward(infos, session.sender.clone(), Came::Info);
    }
    {
        let mut state = link.state();
        state.max_payload = Some(client.max_payload());
        link.say(&mut state, Level::Info, "connected");
    }
    link.wishes.notify_one(); // what was wished before
    let mut complaints: Vec<String> = Vec::new();
    loop {
        tokio::select! {
            event = events.recv() => match event {
                Some(Event::Disconnected | Event::Closed) | None => return Ok("the connection is lost".to_string()),
                Some(Event::ServerError(ServerError::Other(text))) => {
                    let mut state = link.state();
                    if session.hears_itself && text.contains(&session.inbox) {
                        session.hears_itself = false;
                        state.under_way = state.out.len();
                    }
                    if complaints.len() < COMPLAINTS_MAX && !complaints.contains(&text) {
                        link.say(&mut state, Level::Warning, &text);
                        complaints.push(text);
                    }
                }
                Some(_) => {}
            },
            () = link.wishes.notified() => {
                if let Err(error) = session.serve(link).await {
                    return Ok(lost(&*error));
                }
            }
            Some(what) = came.recv() => session.take(link, what),
        }
    }
}

/// Why there is no connection, in words.
fn reason(error: &async_nats::ConnectError) -> String {
    match error.kind() {
        ConnectErrorKind::AuthorizationViolation | ConnectErrorKind::Authentication => {
            "it does not let us in: wrong token, user or credentials".to_string()
        }
        _ => {
            let mut text = format!("no connection: {error}");
            let mut inner = error.source();
            while let Some(error) = inner {
                let cause = error.to_string();
                if !text.contains(&cause) {
                    text = format!("{text}: {cause}");
                }
                inner = error.source();
            }
            text
        }
    }
}

/// What belongs to one connection.
struct Session {
    client: Client,
    /// Where we hear ourselves; the queue group of the subscriptions for frames.
    inbox: String,
    group: String,
    /// Whether the server lets us hear ourselves, as far as is known.
    hears_itself: bool,
    sender: mpsc::Sender<Came>,
    /// Frames that are asked for.
    asked: usize,
    informed_at: Option<Instant>,
}

impl Session {
    /// Does what the module's calls have left to do.
    async fn serve(&mut self, link: &Arc<Shared>) -> Result<(), Box<dyn Error + Send + Sync>> {
        let out = std::mem::take(&mut link.state().out);
        if let Some(name) = &link.publish {
            for (headers, file) in out {
                let client = &self.client;
                let info = self.informed_at.is_none_or(|at| at.elapsed() >= INFO_EVERY).then(|| headers.clone());
                client.publish_with_headers(format!("wasmcam.{name}.jpeg"), headers, file.into()).await?;
                if let Some(headers) = info {
                    self.informed_at = Some(Instant::now());
                    client.publish_with_headers(format!("wasmcam.{name}.info"), headers, Vec::new().into()).await?;
                }
                if self.hears_itself {
                    client.publish(self.inbox.clone(), Vec::new().into()).await?;
                    continue;
                }
                let (client, sender) = (client.clone(), self.sender.clone());
                tokio::spawn(async move {
                    if client.flush().await.is_ok() {
                        let _ = sender.send(Came::Landed).await;
                    }
                });
            }
        }
        if let Some(name) = &link.source {
            while self.asked < UNDER_WAY_MAX && link.state().wanted {
                let subject = format!("wasmcam.{name}.jpeg");
                let mut subscriber = self.client.queue_subscribe(subject, self.group.clone()).await?;
                subscriber.unsubscribe_after(1).await?;
                forward(subscriber, self.sender.clone(), Came::Frame);
                self.asked += 1;
            }
        }
        let mut wanted: Vec<String> = Vec::new();
        for camera in link.state().cameras.iter_mut().filter(|camera| camera.fetch == Fetch::Wanted) {
            camera.fetch = Fetch::Asked;
            wanted.push(String::from_utf8_lossy(camera.name()).into_owned());
        }
        for name in wanted {
            let mut subscriber = self.client.subscribe(format!("wasmcam.{name}.jpeg")).await?;
            subscriber.unsubscribe_after(1).await?;
            let sender = self.sender.clone();
            tokio::spawn(async move {
                let message = timeout(PICTURE_PATIENCE, subscriber.next()).await.ok().flatten();
                let _ = sender.send(Came::Picture(name, message)).await;
            });
        }
        Ok(())
    }

    fn take(&mut self, link: &Arc<Shared>, what: Came) {
        let mut state = link.state();
        match what {
            Came::Landed => state.under_way = state.under_way.saturating_sub(1),
            Came::Frame(message) => {
                self.asked -= 1;
                link.wishes.notify_one(); // the module may be waiting for more
                if message.payload.is_empty() {
                    return;
                }
                let heard_at = { link.clock }.now();
                let age = time_now() - read_facts(&message).time;
                let age = if (0..=AGE_MAX).contains(&age) { age } else { 0 };
                let time = (heard_at - age).max(0);
                state.newest = Some(Picture { bytes: message.payload.into(), heard_at, time });
                signal(&link.news);
            }
            Came::Info(message) => {
                let Some(name) = message.subject.split('.').nth(1).filter(|name| is_name(name)) else { return };
                hear(&mut state.cameras, name, read_facts(&message));
            }
            Came::Picture(name, message) => {
                let Some(camera) = state.cameras.iter_mut().find(|camera| camera.name() == name.as_bytes()) else {
                    return;
                };
                camera.fetch = Fetch::No;
                let Some(message) = message else { return };
                if (1..=FILE_BYTES_MAX).contains(&message.payload.len()) {
                    camera.file = Some((message.payload.into(), Instant::now()));
                }
            }
        }
    }
}

/// A camera said that it is there. One that is new takes the place of the one that was not heard for longest.
fn hear(cameras: &mut Vec<Known>, name: &str, mut facts: HeardCamera) {
    facts.name[..name.len()].copy_from_slice(name.as_bytes());
    facts.name_length = name.len();
    let heard_at = Instant::now();
    if let Some(camera) = cameras.iter_mut().find(|camera| camera.name() == name.as_bytes()) {
        camera.facts = facts;
        camera.heard_at = heard_at;
        return;
    }
    if cameras.len() == CAMERAS_MAX {
        let quietest = (0..cameras.len()).min_by_key(|&index| cameras[index].heard_at).unwrap_or(0);
        cameras.remove(quietest);
    }
    cameras.push(Known { facts, heard_at, file: None, fetch: Fetch::No });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_with_who_we_are() {
        let read = |text| read_address(text).unwrap();
        let (server, name) = read("nats://a%40token@example:4333/front");
        assert_eq!((server.address.as_str(), server.token.as_deref()), ("example:4333", Some("a@token")));
        assert_eq!((server.tls, name.as_str()), (false, "front"));
        let (server, name) = read("tls://me:a%3Ab%2Fc@[::1]");
        assert_eq!((server.address.as_str(), server.user), ("[::1]:4222", Some(("me".into(), "a:b/c".into()))));
        assert_eq!((server.tls, server.token, name.as_str()), (true, None, ""));
    }

    #[test]
    fn what_is_no_address_is_refused_without_a_word_of_it() {
        for text in [
            "secret",
            "secret@host",
            "http://secret@host",
            "nats:secret@host",
            "nats://secret@",
            "nats://secret@:4222",
            "nats://secret@host:port",
            "nats://secret@host:0",
            "nats://secret@host:65536",
            "nats://secret@a:b:1",
            "nats://secret%ff@host",
            "nats://secret@host?query",
        ] {
            let reason = read_address(text).err().unwrap_or_else(|| panic!("{text} was taken"));
            assert!(!reason.contains("secret"), "{reason}");
        }
    }

    #[test]
    fn a_new_camera_takes_the_place_of_the_one_that_is_silent_for_longest() {
        let mut cameras = Vec::new();
        for i in 0..=CAMERAS_MAX {
            hear(&mut cameras, &format!("camera-{i}"), HeardCamera::default());
        }
        assert_eq!(cameras.len(), CAMERAS_MAX);
        assert!(cameras.iter().all(|camera| camera.name() != b"camera-0"));
        assert!(cameras.iter().any(|camera| camera.name() == format!("camera-{CAMERAS_MAX}").as_bytes()));
    }
}
