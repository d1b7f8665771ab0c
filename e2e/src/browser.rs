//! Real browser sessions: Chromium, driven through a chromedriver of our own.

use std::{path::PathBuf, str::FromStr, time::Duration};

use fantoccini::{Client, ClientBuilder, Locator, elements::Element, wd::WebDriverCompatibleCommand};
use hyper_util::client::legacy::connect::HttpConnector;
use reqwest::{Method, Url};
use serde_json::{Map, Value, json};
use tempfile::TempDir;
use test_support::{
    binaries, ports,
    supervised::{Spec, Supervised},
    wait,
};
use tokio::net::TcpStream;

/// Chromium starts slowly on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

/// A chromedriver on a port of its own. Dropping it ends it and its browsers.
pub struct Driver {
    process: Supervised,
    port: u16,
    directory: TempDir,
}

impl Driver {
    /// Starts it and waits until it answers.
    pub async fn start() -> Self {
        let directory = tempfile::Builder::new()
            .prefix("chatflow-browser-")
            .tempdir()
            .expect("a folder for browsers");
        let port = ports::free();
        let process = Supervised::start_new(Spec {
            name: "chromedriver".into(),
            program: binaries::system("chromedriver", &[]),
            args: vec![format!("--port={port}").into()],
            env: Vec::new(),
            directory: directory.path().to_owned(),
            stop_signal: "TERM",
            end_signal: "TERM",
            remove: Some(directory.path().to_owned()),
        });
        let answers = async || TcpStream::connect(("127.0.0.1", port)).await.is_ok();
        process.ready(wait::START, answers).await;
        Self {
            process,
            port,
            directory,
        }
    }

    /// A fresh browser, as another person on another machine would have it.
    pub async fn browser(&self, name: &str) -> Tab {
        let profile = self.directory.path().join(name);
        let flags = [
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--window-size=1280,800",
        ];
        let mut flags: Vec<Value> = flags.iter().map(|flag| json!(flag)).collect();
        flags.push(json!(format!("--user-data-dir={}", profile.display())));
        let mut wanted = Map::new();
        wanted.insert("goog:chromeOptions".into(), json!({"args": flags}));
        wanted.insert("goog:loggingPrefs".into(), json!({"browser": "ALL"}));
        let url = format!("http://127.0.0.1:{}", self.port);
        let client = ClientBuilder::new(HttpConnector::new())
            .capabilities(wanted)
            .connect(&url)
            .await;
        let client =
            client.unwrap_or_else(|error| panic!("no browser: {error}\n{}", self.process.output().tail()));
        Tab {
            client,
            name: name.to_owned(),
        }
    }
}

/// A browser's current tab.
pub struct Tab {
    client: Client,
    name: String,
}

/// The locator of a `data-testid`.
pub fn hook(name: &str) -> String {
    format!("[data-testid=\"{name}\"]")
}

/// The locator of a message with this state, such as `sent`.
pub fn message_in_state(state: &str) -> String {
    format!("[data-testid=\"message\"][data-state=\"{state}\"]")
}

impl Tab {
    /// The WebDriver client, for what is not here.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// Opens a page.
    pub async fn open(&self, url: &str) {
        self.client
            .goto(url)
            .await
            .unwrap_or_else(|error| panic!("{}: {url}: {error}", self.name));
    }

    /// Waits until an element is there and shown.
    pub async fn see(&self, css: &str) -> Element {
        let shown = async || {
            for element in self.client.find_all(Locator::Css(css)).await.unwrap_or_default() {
                if element.is_displayed().await.unwrap_or_default() {
                    return Some(element);
                }
            }
            None
        };
        wait::eventually(PATIENCE, &format!("{} sees {css}", self.name), shown).await
    }

    /// Waits until an element is there whose text contains `text`.
    pub async fn see_text(&self, css: &str, text: &str) {
        let what = format!("{} sees {text:?} in {css}", self.name);
        wait::until(PATIENCE, &what, async || {
            self.texts(css).await.iter().any(|found| found.contains(text))
        })
        .await;
    }

    /// Waits until no element has a text that contains `text`.
    pub async fn lose_text(&self, css: &str, text: &str) {
        let what = format!("{} no longer sees {text:?} in {css}", self.name);
        wait::until(PATIENCE, &what, async || {
            !self.texts(css).await.iter().any(|found| found.contains(text))
        })
        .await;
    }

    /// The texts of all elements, hidden ones too.
    pub async fn texts(&self, css: &str) -> Vec<String> {
        let script = "return [...document.querySelectorAll(arguments[0])].map(e => e.textContent)";
        let texts = self.run(script, vec![css.into()]).await;
        serde_json::from_value(texts).expect("texts")
    }

    /// How many of its elements have a text that contains `text`.
    pub async fn count(&self, css: &str, text: &str) -> usize {
        self.texts(css)
            .await
            .iter()
            .filter(|found| found.contains(text))
            .count()
    }

    /// Clicks on an element as soon as it is shown and nothing covers it.
    pub async fn click(&self, css: &str) {
        let clicked = async || self.see(css).await.click().await.is_ok();
        wait::until(PATIENCE, &format!("{} clicks on {css}", self.name), clicked).await;
    }

    /// Types into an element; `\n` is the Enter key.
    pub async fn type_into(&self, css: &str, text: &str) {
        // Enter as WebDriver writes it.
        let keys = text.replace('\n', "\u{e007}");
        self.see(css)
            .await
            .send_keys(&keys)
            .await
            .unwrap_or_else(|error| panic!("{}: {css}: {error}", self.name));
    }

    /// Gives a file to a file input, as if chosen in the system's dialog.
    pub async fn choose_file(&self, css: &str, path: &std::path::Path) {
        let input = self.client.find(Locator::Css(css)).await.expect("a file input");
        input
            .send_keys(&path.display().to_string())
            .await
            .expect("the input takes a file");
    }

    /// Runs a script and returns its value.
    pub async fn run(&self, script: &str, args: Vec<Value>) -> Value {
        let value = self.client.execute(script, args).await;
        value.unwrap_or_else(|error| panic!("{}: {script}: {error}", self.name))
    }

    /// Pretends to be a screen of this size; `phone` also a touch screen.
    pub async fn screen(&self, width: u32, height: u32, phone: bool) {
        let metrics = json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": phone});
        self.devtools("Emulation.setDeviceMetricsOverride", metrics).await;
    }

    /// Prefers `light` or `dark`, as the system's setting would.
    pub async fn prefer(&self, scheme: &str) {
        let features = json!({"features": [{"name": "prefers-color-scheme", "value": scheme}]});
        self.devtools("Emulation.setEmulatedMedia", features).await;
    }

    /// Keeps a picture below `target/screenshots` and says where.
    pub async fn picture(&self, name: &str) -> PathBuf {
        let build = binaries::build_folder();
        let folder = build.parent().expect("a target folder").join("screenshots");
        std::fs::create_dir_all(&folder).expect("the folder can be made");
        let path = folder.join(format!("{name}.png"));
        let picture = self.client.screenshot().await.expect("a picture");
        std::fs::write(&path, picture).expect("the picture can be kept");
        println!("screenshot: {}", path.display());
        path
    }

    /// What the page has complained about in the browser's console.
    pub async fn complaints(&self) -> Vec<String> {
        let log = self
            .client
            .issue_cmd(Command::Log)
            .await
            .expect("the browser's log");
        let entries = log.as_array().cloned().unwrap_or_default();
        let severe = entries.iter().filter(|entry| entry["level"] == "SEVERE");
        severe
            .filter_map(|entry| Some(entry["message"].as_str()?.to_owned()))
            .collect()
    }

    /// Opens a second tab of the same browser and goes there.
    pub async fn another(&self, name: &str) -> Self {
        let tab = self.client.new_window(true).await.expect("a second tab");
        self.client
            .switch_to_window(tab.handle)
            .await
            .expect("the second tab");
        Self {
            client: self.client.clone(),
            name: name.to_owned(),
        }
    }

    /// Ends the browser.
    pub async fn quit(self) {
        let _ = self.client.close().await;
    }

    async fn devtools(&self, method: &'static str, params: Value) {
        let answer = self.client.issue_cmd(Command::DevTools(method, params)).await;
        answer.unwrap_or_else(|error| panic!("{}: {method}: {error}", self.name));
    }
}

/// What chromedriver knows beyond the WebDriver standard.
#[derive(Debug)]
enum Command {
    DevTools(&'static str, Value),
    Log,
}

impl WebDriverCompatibleCommand for Command {
    fn endpoint(&self, base: &Url, session: Option<&str>) -> Result<Url, <Url as FromStr>::Err> {
        let session = session.unwrap_or_default();
        base.join(&match self {
            Self::DevTools(..) => format!("session/{session}/goog/cdp/execute"),
            Self::Log => format!("session/{session}/se/log"),
        })
    }

    fn method_and_body(&self, _: &Url) -> (Method, Option<String>) {
        let body = match self {
            Self::DevTools(method, params) => json!({"cmd": method, "params": params}),
            Self::Log => json!({"type": "browser"}),
        };
        (Method::POST, Some(body.to_string()))
    }
}
