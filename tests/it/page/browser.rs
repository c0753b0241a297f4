//! A real Chromium without a window, driven through ChromeDriver, and what each page is looked at for.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use std::{env, fs};

use caigunn_webhook::event::Wire;
use caigunn_webhook::event::sample::Ids;
use serde_json::{Value, json};
use tempfile::TempDir;
use thirtyfour::{
    By, ChromeCapabilities, ChromiumLikeCapabilities, DesiredCapabilities, Key, LoggingPrefsLogLevel,
    WebDriver, WebElement,
};

use crate::harness::postgres::leave_out;
use crate::harness::{App, clients, free_port, installed, json as body_of, sample_with, wait_for};

/// Where axe-core is, unless `CAIGUNN_TEST_AXE` says otherwise.
const AXE: &str = "target/axe/node_modules/axe-core/axe.min.js";

/// The width of the narrowest screen that pages are made for, in pixels.
const NARROWEST: u32 = 320;

/// The width of a small phone, in pixels.
pub const PHONE: u32 = 360;

/// The width of a tablet that is held upright, in pixels.
const TABLET: u32 = 768;

/// A running browser with an empty profile. It ends when the test drops it.
pub struct Browser {
    driver: Option<WebDriver>,
    session: String,
    port: u16,
    child: Child,
    axe: String,
    folder: TempDir,
}

impl Browser {
    /// Starts one. `None` if there is no Chromium with its driver, or no axe-core; the variables `CAIGUNN_TEST_CHROMIUM`,
    /// `CAIGUNN_TEST_CHROMEDRIVER` and `CAIGUNN_TEST_AXE` say where they are.
    pub async fn start() -> Option<Self> {
        let program = installed("CAIGUNN_TEST_CHROMEDRIVER", "/usr/bin/chromedriver")?;
        let chromium = installed("CAIGUNN_TEST_CHROMIUM", "/usr/bin/chromium")?;
        let axe =
            env::var("CAIGUNN_TEST_AXE").unwrap_or_else(|_| format!("{}/{AXE}", env!("CARGO_MANIFEST_DIR")));
        let Ok(axe) = fs::read_to_string(Path::new(&axe)) else {
            leave_out("there is no axe-core");
            return None;
        };
        let folder = tempfile::tempdir().expect("the system has a folder for temporary files");
        let port = free_port();
        let child = Command::new("setpriv")
            .args(["--pdeathsig", "KILL", &program, &format!("--port={port}")])
            .env("HOME", folder.path())
            .env("TMPDIR", folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("setpriv starts");
        let mut browser = Self {
            driver: None,
            session: String::new(),
            port,
            child,
            axe,
            folder,
        };
        browser.connect(&chromium).await;
        Some(browser)
    }

    async fn connect(&mut self, chromium: &str) {
        let capabilities = capabilities(chromium, self.folder.path());
        let url = format!("http://127.0.0.1:{}", self.port);
        wait_for("ChromeDriver", || async {
            let asked = crate::harness::client().get(format!("{url}/status")).send().await;
            asked.map(drop).map_err(|error| error.to_string())
        })
        .await;
        let client = clients().timeout(Duration::from_secs(120));
        let driver = WebDriver::builder(url, capabilities)
            .client(client.build().expect("a client"))
            .await
            .expect("the browser starts");
        self.session = driver.handle().session_id().to_string();
        self.driver = Some(driver);
    }

    pub fn driver(&self) -> &WebDriver {
        self.driver.as_ref().expect("it is connected")
    }

    /// Goes to an address.
    pub async fn open(&self, url: &str) {
        self.driver().goto(url).await.expect("it opens");
    }

    /// The address that it is at.
    pub async fn url(&self) -> String {
        self.driver().current_url().await.expect("it is somewhere").into()
    }

    /// The first element that a selector of CSS finds, which may take a moment to come.
    pub async fn find(&self, selector: &str) -> WebElement {
        wait_for(selector, || async {
            let found = self.driver().find(By::Css(selector)).await;
            found.map_err(|error| error.to_string())
        })
        .await
    }

    /// Clicks on what a selector of CSS finds.
    pub async fn click(&self, selector: &str) {
        self.find(selector)
            .await
            .click()
            .await
            .expect("it can be clicked on");
    }

    /// Types into what a selector of CSS finds.
    pub async fn type_into(&self, selector: &str, text: &str) {
        let field = self.find(selector).await;
        field.send_keys(text).await.expect("it takes keys");
    }

    /// Presses keys wherever the focus is.
    pub async fn press(&self, keys: &str) {
        let actions = self.driver().action_chain().send_keys(keys);
        actions.perform().await.expect("it takes keys");
    }

    /// Presses the key that goes on to the next link, field or button, and says what the focus is at then.
    pub async fn tab(&self) -> String {
        let actions = self.driver().action_chain().send_keys(Key::Tab);
        actions.perform().await.expect("it takes keys");
        let focused = "const at = document.activeElement; return at.id || at.name || at.textContent.trim();";
        self.run(focused).await.as_str().unwrap_or_default().to_owned()
    }

    /// Waits until what is to be read on the page has that text in it.
    pub async fn wait_for_text(&self, text: &str) {
        wait_for(text, || async {
            let seen = self.run("return document.body.innerText;").await;
            let seen = seen.as_str().unwrap_or_default().to_owned();
            if seen.contains(text) { Ok(()) } else { Err(seen) }
        })
        .await;
    }

    /// Waits until the page says that word of the stream of what comes, such as `live`.
    pub async fn wait_for_stream(&self, word: &str) {
        wait_for(word, || async {
            let said = self
                .run("return document.querySelector('#live .state').textContent;")
                .await;
            if said == word {
                Ok(())
            } else {
                Err(said.to_string())
            }
        })
        .await;
    }

    /// What a script gives that is run in the page.
    pub async fn run(&self, script: &str) -> Value {
        let ran = self.driver().execute(script, Vec::new()).await;
        ran.expect("the script runs").json().clone()
    }

    /// Goes to a page and looks at it as whoever sees it best and worst does: wide and on a phone, light and dark.
    pub async fn judge(&self, url: &str) {
        self.open(url).await;
        self.judge_here().await;
    }

    /// As [`Browser::judge`], of the page that it is at.
    pub async fn judge_here(&self) {
        let url = self.url().await;
        self.assert_usable(&url).await;
        self.assert_fits(&url).await;
        for width in [TABLET, NARROWEST] {
            self.with_width(width).await;
            self.assert_fits(&url).await;
        }
        self.with_width(PHONE).await;
        self.assert_usable(&url).await;
        self.assert_fits(&url).await;
        self.with_width(0).await;
        self.assert_quiet().await;
    }

    /// That nothing of it is wider than the window.
    async fn assert_fits(&self, url: &str) {
        let wide = "const most = innerWidth; return document.scrollingElement.scrollWidth <= most ? [] : [most, \
                    ...[...document.querySelectorAll('body *')].filter((it) => it.getBoundingClientRect().right > most + 1) \
                    .map((it) => it.outerHTML.slice(0, 120))];";
        assert_eq!(self.run(wide).await, json!([]), "{url}");
    }

    /// What is seen of the page in a window so high, as a PNG.
    pub async fn picture(&self, height: u32) -> Vec<u8> {
        let metrics = json!({"width": 1200, "height": height, "deviceScaleFactor": 1, "mobile": false});
        self.tell("Emulation.setDeviceMetricsOverride", metrics).await;
        let taken = self.driver().screenshot_as_png().await;
        taken.expect("the browser takes pictures of itself")
    }

    /// That nothing was said on the console since the last time: no error, no breach of the policy.
    pub async fn assert_quiet(&self) {
        let log = self
            .driver()
            .browser_log()
            .await
            .expect("ChromeDriver keeps a log");
        let said: Vec<_> = log
            .iter()
            .map(|entry| format!("{} {}", entry.level, entry.message))
            .collect();
        assert!(said.is_empty(), "{}: {said:#?}", self.url().await);
    }

    /// What was said on the console since the last time.
    pub async fn console(&self) -> Vec<String> {
        let log = self
            .driver()
            .browser_log()
            .await
            .expect("ChromeDriver keeps a log");
        log.into_iter().map(|entry| entry.message).collect()
    }

    /// That axe-core finds nothing: all that it looks for in light, and in dark what the other colours can change.
    async fn assert_usable(&self, url: &str) {
        self.run(&format!("window.axe || (() => {{ {} }})();", self.axe))
            .await;
        let of_colours = json!(["color-contrast", "link-in-text-block"]);
        for (scheme, rules) in [("light", Value::Null), ("dark", of_colours)] {
            let media = json!({"features": [{"name": "prefers-color-scheme", "value": scheme}]});
            self.tell("Emulation.setEmulatedMedia", media).await;
            let script = "const [rules, done] = arguments; \
                          const options = {resultTypes: ['violations'], ...rules && {runOnly: rules}}; \
                          axe.run(document, options).then((found) => done(found.violations.map((it) => \
                          [it.id, it.help, ...it.nodes.map((node) => node.html + ' ' + node.failureSummary)])), \
                          (error) => done([String(error)]));";
            let found = self.driver().execute_async(script, vec![rules]).await;
            let found = found.expect("axe-core runs").json().clone();
            assert_eq!(found, json!([]), "{url}, {scheme}: {found:#}");
        }
    }

    /// As on a screen so wide; 0 for the window's own width.
    pub async fn with_width(&self, width: u32) {
        let height = if width == 0 { 0 } else { 740 };
        let metrics = json!({"width": width, "height": height, "deviceScaleFactor": 0, "mobile": width > 0});
        self.tell("Emulation.setDeviceMetricsOverride", metrics).await;
    }

    /// As where letters are so high that a page says nothing of, in pixels.
    pub async fn with_letters(&self, height: u32) {
        let sizes = json!({"fontSizes": {"standard": height, "fixed": height}});
        self.tell("Page.setFontSizes", sizes).await;
    }

    async fn tell(&self, command: &str, parameters: Value) {
        let told = self.driver().cdp().send_raw(command, parameters).await;
        told.expect("the browser does it");
    }
}

fn capabilities(chromium: &str, folder: &Path) -> ChromeCapabilities {
    let mut capabilities = DesiredCapabilities::chrome();
    let mut arguments = vec![
        "--headless=new".to_owned(),
        "--no-proxy-server".to_owned(),
        "--no-first-run".to_owned(),
        "--disable-background-networking".to_owned(),
        "--disable-component-update".to_owned(),
        "--disable-sync".to_owned(),
        "--disable-dev-shm-usage".to_owned(),
        "--disable-gpu".to_owned(),
        // Nothing but this machine can be reached.
        "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost".to_owned(),
        // Its own first page otherwise says on the console that the network is slow, where there is none.
        "--force-effective-connection-type=4G".to_owned(),
        "--lang=en".to_owned(),
        "--window-size=1280,900".to_owned(),
        format!("--user-data-dir={}", folder.join("profile").display()),
    ];
    if rustix::process::geteuid().is_root() {
        // It refuses to be root with one.
        arguments.push("--no-sandbox".to_owned());
    }
    for argument in arguments {
        capabilities.add_arg(&argument).expect("an argument is text");
    }
    capabilities.set_binary(chromium).expect("a path is text");
    let logged = capabilities.set_logging_prefs("browser", LoggingPrefsLogLevel::All);
    logged.expect("a level is text");
    capabilities
}

impl Drop for Browser {
    fn drop(&mut self) {
        // The session's end ends the browser; its driver alone would leave it running.
        if let Some(driver) = self.driver.take() {
            let _ = driver.leak();
        }
        if let Ok(mut stream) = TcpStream::connect(("127.0.0.1", self.port)) {
            let _ = stream.set_read_timeout(Some(Duration::from_secs(10)));
            let request = format!(
                "DELETE /session/{} HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nConnection: close\r\n\r\n",
                self.session, self.port
            );
            let _ = stream.write_all(request.as_bytes());
            let _ = stream.read(&mut [0; 1024]);
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The address of a path of a receiver's page.
pub fn at(app: &App, path: &str) -> String {
    format!("http://{}{path}", app.admin)
}

/// Has a receiver take one of each kind: a job that ended, one that failed, one that runs. Gives their ids.
pub async fn filled(app: &App) -> [Ids; 3] {
    let jobs = [Ids::fresh(), Ids::fresh(), Ids::fresh()];
    let names = [
        ("crawling.initial", &jobs[0]),
        ("crawling.completed", &jobs[0]),
        ("uploading.initial", &jobs[1]),
        ("uploading.failed", &jobs[1]),
        ("training.initial", &jobs[2]),
    ];
    for (name, ids) in names {
        let answer = app.post(&body_of(&sample_with(name, ids, Wire::V2024_07))).await;
        assert_eq!(answer.status(), 200, "{name}");
    }
    jobs
}
