//! The camera on a computer with Linux: reads the command line, looks for the camera, binds the port, and runs the
//! module until Ctrl-C.
//!
//! Exit codes: 0 ended as asked, 1 the machine is not as it should be (port in use, no such file), 2 the command line
//! is wrong. Either way the reason is one line on standard error.

use std::fmt::Write;
use std::fs;
use std::net::{IpAddr, SocketAddr};
use std::panic;
use std::path::{Path, PathBuf};
use std::process::{self, ExitCode};

use board::capture::Capture;
use board::fleet::{Alone, Fleet, NAME_MAX};
use board::imports::{Board, Past};
use board::log::{Level, TextLog};
use board::scene::Scene;
use board::sensor_bus::NoBus;
use board::settings::{KeptSettings, Settings, Values};
use board::soft_sensor::SoftSensor;
use board::supervisor::Supervisor;
use clap::builder::PossibleValuesParser;
use clap::error::ErrorKind;
use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};
use linux_board::camera::{self, Camera, CameraLog};
use linux_board::nats::{NatsFleet, Server, is_address, is_name, read_address};
use linux_board::settings_file::SettingsFile;
use linux_board::sockets::{KernelSockets, PUSH_PORT};
use linux_board::system::{Console, NoWatchdog, Sleeper, SystemClock, SystemRandom, resident};
use wasm::engine::{self, Engine};

/// As `make flash BOARD=` names it.
const NAME: &str = "linux";

const EXIT_USAGE: u8 = 2;

/// An AOT file, at a multiple of 4 for WAMR's loader.
#[repr(C, align(4))]
struct Aligned<T: ?Sized>(T);
static BOARD_MODULE: &Aligned<[u8]> = &Aligned(*include_bytes!(env!("WASMCAM_AOT")));
static SERVER_MODULE: &Aligned<[u8]> = &Aligned(*include_bytes!(env!("WASMCAM_SERVER_AOT")));

fn command() -> Command {
    let option = |name: &'static str, value: &'static str, help: &'static str| {
        Arg::new(name).long(name).value_name(value).help(help).action(ArgAction::Set)
    };
    let path = value_parser!(PathBuf);
    Command::new("wasmcam")
        .about("The camera on a computer with Linux.")
        .arg(option("port", "NUMBER", "TCP port to listen on; 0: any that is free").value_parser(value_parser!(u16)))
        .arg(
            option("host", "ADDRESS", "address to listen on; 0.0.0.0: every one of this computer's")
                .value_parser(value_parser!(IpAddr)),
        )
        .arg(
            option("scene-file", "FILE", "what the soft sensor sees (host/linux/ makes such files)").value_parser(path),
        )
        .arg(
            option("camera", "DEVICE", "a camera in its place, such as /dev/video0 or a path in /dev/v4l/by-id")
                .value_parser(value_parser!(PathBuf))
                .conflicts_with("scene-file"),
        )
        .arg(
            Arg::new("list-cameras")
                .long("list-cameras")
                .help("show sizes, formats, rates and controls of all cameras, or of the one that --camera names")
                .action(ArgAction::SetTrue),
        )
        .arg(option("size", "SIZE", "of a camera's pictures: the nearest that it has to this, such as 640x480"))
        .arg(
            option("format", "NAME", "of a camera's pictures; jpeg is passed through")
                .value_parser(PossibleValuesParser::new(["jpeg", "yuyv", "rgb565", "gray", "bayer"])),
        )
        .arg(option("settings", "FILE", "where the camera keeps settings").value_parser(value_parser!(PathBuf)))
        .arg(
            option("profile", "NAME", "limits: a board's (8 viewers) or a server's (256)")
                .value_parser(PossibleValuesParser::new(["board", "server"])),
        )
        .arg(
            option("quality", "NUMBER", "quality of the JPEG files, 1 to 100")
                .value_parser(value_parser!(u8).range(1..=100)),
        )
        .arg(
            option("sampling", "RATIO", "chroma of the JPEG files")
                .value_parser(PossibleValuesParser::new(["4:2:0", "4:4:4"])),
        )
        .arg(option("fps", "NUMBER", "frames a second, 1 to 120").value_parser(value_parser!(u8).range(1..=120)))
        .arg(option(
            "source",
            "SOURCE",
            "push: frames that others send to --push-port; http://… what another camera streams; \
             nats://[token@]server[:4222]/NAME what that camera sends to NATS",
        ))
        .arg(
            option("push-port", "NUMBER", "TCP port for --source push; 0: any that is free")
                .value_parser(value_parser!(u16)),
        )
        .arg(option("push-to", "HOST:PORT", "another camera or relay to send the stream to (its port 9999)"))
        .arg(option("nats", "URL", "nats://[token@]server[:4222]: sends every frame there, for other machines"))
        .arg(option("nats-name", "NAME", "as which camera (default: this computer's name)"))
        .arg(
            option("nats-creds", "FILE", "credentials to show to NATS (JWT and nkey)")
                .value_parser(value_parser!(PathBuf)),
        )
        .arg(
            option("nats-ca", "FILE", "certificates of authorities to believe of a NATS server")
                .value_parser(value_parser!(PathBuf)),
        )
        .arg(option("set", "NAME=VALUE", "any other setting of the camera's").action(ArgAction::Append).value_parser(
            |text: &str| match text.split_once('=') {
                Some((name, value)) => Ok((name.to_string(), value.to_string())),
                None => Err("it is a name and a value, such as mirror=on"),
            },
        ))
        .arg(
            option("module", "FILE", "an AOT file to run in place of the one in here")
                .value_parser(value_parser!(PathBuf)),
        )
        .arg(
            Arg::new("report")
                .long("report")
                .help("log every 10 s how long the module's steps take")
                .action(ArgAction::SetTrue),
        )
}

/// What was said on the command line for this start.
fn given(options: &ArgMatches) -> Values {
    let mut given = Values::default();
    for name in ["quality", "fps"] {
        if let Some(value) = options.get_one::<u8>(name) {
            given.set(name, &value.to_string());
        }
    }
    for name in ["sampling", "size", "format", "source"] {
        // A camera at NATS is a sensor, for the module.
        if let Some(value) = options.get_one::<String>(name).filter(|value| !is_address(value)) {
            given.set(name, value);
        }
    }
    if let Some(value) = options.get_one::<String>("push-to") {
        given.set("push", value);
    }
    for (name, value) in options.get_many::<(String, String)>("set").into_iter().flatten() {
        given.set(name, value);
    }
    given
}

/// Reads a file, to stay for ever, at a multiple of 4.
fn read_module(path: &Path) -> Result<&'static [u8], String> {
    let mut bytes = fs::read(path).map_err(|error| format!("{}: {error}", path.display()))?;
    let length = bytes.len();
    // Wherever the bytes lie, such a place is among the first ones of a room that is a little larger.
    bytes.resize(length + align_of::<u32>(), 0);
    let room = bytes.leak();
    let start = room.as_ptr().align_offset(align_of::<u32>());
    room.copy_within(..length, start);
    Ok(&room[start..start + length])
}

/// Binds the port for HTTP, and the one for upstreams where frames come from those; answers where that is.
fn bind(options: &ArgMatches, takes_upstreams: bool) -> Result<(KernelSockets, Option<SocketAddr>), String> {
    let host = options.get_one::<IpAddr>("host").copied().unwrap_or(IpAddr::from([127, 0, 0, 1]));
    let port = |option: &str, default: u16| options.get_one::<u16>(option).copied().unwrap_or(default);
    let (http, push) = (port("port", 8080), port("push-port", 9999));
    let mut sockets =
        KernelSockets::bind(SocketAddr::new(host, http)).map_err(|error| bind_error(host, http, "port", error))?;
    if !takes_upstreams {
        return Ok((sockets, None));
    }
    let upstreams = sockets
        .add_port(PUSH_PORT, SocketAddr::new(host, push))
        .map_err(|error| bind_error(host, push, "push-port", error))?;
    Ok((sockets, Some(upstreams)))
}

fn bind_error(host: IpAddr, port: u16, option: &str, error: std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::AddrInUse => format!("port {port} of {host} is in use; choose another with --{option}"),
        std::io::ErrorKind::PermissionDenied => {
            format!("port {port} of {host} is not allowed to this user; choose another")
        }
        _ => format!("can't listen on port {port} of {host}: {error}"),
    }
}

/// What the module is told of a camera at NATS: it takes the soft sensor's place, sends files, and, to be there at all,
/// one a second.
const FEED_SETTINGS: [(&str, &str); 3] = [("source", "sensor"), ("format", "jpeg"), ("fps", "1")];

/// This computer's name, as far as a camera can have it.
fn own_name() -> String {
    let uname = rustix::system::uname();
    let host = uname.nodename().to_string_lossy();
    let label = host.split('.').next().unwrap_or_default();
    let fits = |c: char| if c.is_ascii_alphanumeric() || "-_".contains(c) { c } else { '-' };
    let name: String = label.chars().take(NAME_MAX).map(fits).collect();
    if name.is_empty() { "camera".to_string() } else { name }
}

/// The other machines, if there are any.
fn nats(options: &ArgMatches, clock: SystemClock) -> Result<Option<NatsFleet>, String> {
    let text = |name: &str| options.get_one::<String>(name);
    let with_files = |server: Server| Server {
        credentials: options.get_one::<PathBuf>("nats-creds").cloned(),
        authorities: options.get_one::<PathBuf>("nats-ca").cloned(),
        ..server
    };
    let read = |option: &str, text: &str| {
        let (server, path) = read_address(text).map_err(|why| format!("--{option}: {why}"))?;
        Ok::<_, String>((with_files(server), path))
    };
    let named = |option: &str, name: &str| match is_name(name) {
        true => Ok(()),
        false => Err(format!("--{option}: a camera's name is 1 to {NAME_MAX} letters, digits, - and _")),
    };
    let mut from = None;
    if let Some(url) = text("source").filter(|url| is_address(url)) {
        let (server, name) = read("source", url)?;
        named("source", &name)?;
        from = Some((server, name));
    }
    let mut to = None;
    if let Some(url) = text("nats") {
        let (server, path) = read("nats", url)?;
        if !path.is_empty() {
            return Err("--nats: there is nothing behind the server's port; --nats-name is the camera's".to_string());
        }
        let name = text("nats-name").cloned().unwrap_or_else(own_name);
        named("nats-name", &name)?;
        to = Some((server, name));
    }
    if to.as_ref().map(|(_, name)| name) == from.as_ref().map(|(_, name)| name) && to.is_some() {
        return Err("a camera can't be called as the one that it shows: use --nats-name".to_string());
    }
    if to.is_none() && from.is_none() { Ok(None) } else { NatsFleet::start(to, from, clock).map(Some) }
}

fn run(options: &ArgMatches) -> Result<(), String> {
    if options.get_flag("list-cameras") {
        let only = options.get_one::<PathBuf>("camera");
        let table = camera::list(only.map(PathBuf::as_path)).map_err(|error| format!("/dev: {error}"))?;
        let _ = write!(Console, "{table}");
        return Ok(());
    }
    let scene = match options.get_one::<PathBuf>("scene-file") {
        Some(path) => {
            let file = fs::read(path).map_err(|error| format!("{}: {error}", path.display()))?.leak();
            Some(Scene::open(file).map_err(|error| format!("{}: {error}", path.display()))?)
        }
        None => None,
    };
    // Without a file, what is put is there as long as the program runs.
    let mut settings = KeptSettings { given: given(options), ..Default::default() };
    if let Some(path) = options.get_one::<PathBuf>("settings") {
        let (kept, file) = SettingsFile::open(path)?;
        settings.kept = kept;
        settings.store = Some(Box::new(file));
    }
    // The soft sensor shows what it was given to show, whatever else was said or kept.
    if let Some(scene) = &scene {
        settings.fixed.set("size", &format!("{}x{}", scene.width, scene.height));
        settings.fixed.set("format", scene.format.name());
    }
    let module = match (options.get_one::<PathBuf>("module"), options.get_one::<String>("profile")) {
        (Some(path), _) => read_module(path)?,
        (None, Some(profile)) if profile == "server" => &SERVER_MODULE.0,
        (None, _) => &BOARD_MODULE.0,
    };
    let takes_upstreams = settings.get("source").as_deref() == Some("push");
    let clock = SystemClock::start();
    let nats = nats(options, clock)?;
    let feed = nats.as_ref().and_then(NatsFleet::feed);
    if feed.is_some() {
        for (name, value) in FEED_SETTINGS {
            settings.fixed.set(name, value);
        }
    }
    let (capture, settings, camera): (Box<dyn Capture>, Box<dyn Settings>, _) =
        match (options.get_one::<PathBuf>("camera"), feed) {
            (_, Some(feed)) => (Box::new(feed), Box::new(settings), None),
            (Some(path), None) => {
                let (camera, log) = Camera::start(path, clock)?;
                let settings = camera.settings(settings);
                (Box::new(camera), Box::new(settings), Some(log))
            }
            (None, None) => (Box::new(SoftSensor::new(scene)), Box::new(settings), None),
        };
    let (sockets, upstreams) = bind(options, takes_upstreams)?;
    let address = sockets.local_address();
    let news = camera.iter().map(CameraLog::news).chain(nats.iter().map(NatsFleet::news)).collect();
    let mut sleeper = Sleeper::new(sockets.alarm(), news).map_err(|error| error.to_string())?;
    let fleet: Box<dyn Fleet> = match &nats {
        Some(nats) => Box::new(nats.clone()),
        None => Box::new(Alone),
    };
    let board = Board {
        name: NAME,
        clock: Box::new(clock),
        sensor_bus: Box::new(NoBus),
        capture,
        sockets: Box::new(sockets),
        fleet,
        settings,
        random: Box::new(SystemRandom),
        log: Box::new(TextLog::new(Console)),
        watchdog: Box::new(NoWatchdog),
        past: Past::default(),
    };
    let report = options.get_flag("report").then_some(resident as fn() -> usize);
    let mut supervisor = Supervisor::new(Engine::new(engine::runtime(), module), board, report);
    // Starts the module, and has it do its first step, in which it listens: no connection can come too early.
    supervisor.poll();
    let mut wake_at = supervisor.poll();
    if let Some(upstreams) = upstreams {
        let _ = writeln!(Console, "upstreams: TCP port {} of {}", upstreams.port(), upstreams.ip());
    }
    let _ = writeln!(Console, "http://{address}/");
    loop {
        let lines = camera.iter().flat_map(CameraLog::take_lines).chain(nats.iter().flat_map(NatsFleet::take_lines));
        for (level, line) in lines {
            supervisor.board().log(level, format_args!("{line}"));
        }
        let now = supervisor.board().now();
        if !sleeper.sleep(now, wake_at) {
            break;
        }
        wake_at = supervisor.poll();
    }
    supervisor.board().log(Level::Info, format_args!("stopping"));
    supervisor.board().sockets.abort_all();
    Ok(())
}

/// A line about the command line without what stands before the @ of addresses in it, as Node's (camera-options.ts).
fn without_secrets(line: &str) -> String {
    let words = line.split_inclusive([' ', '\'']).map(|word| match word.rsplit_once('@') {
        Some((_, rest)) => format!("…@{rest}"),
        None => word.to_string(),
    });
    words.collect()
}

fn main() -> ExitCode {
    // A mistake in any thread ends the program.
    let say = panic::take_hook();
    panic::set_hook(Box::new(move |what| {
        say(what);
        process::abort();
    }));
    let options = match command().try_get_matches() {
        Ok(options) => options,
        Err(error) if error.kind() == ErrorKind::DisplayHelp => {
            let _ = write!(Console, "{}", error.render());
            return ExitCode::SUCCESS;
        }
        Err(error) => {
            let text = error.render().to_string();
            eprintln!("{}", without_secrets(text.lines().next().unwrap_or("error: the command line is wrong")));
            return ExitCode::from(EXIT_USAGE);
        }
    };
    match run(&options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(reason) => {
            eprintln!("error: {reason}");
            ExitCode::FAILURE
        }
    }
}
