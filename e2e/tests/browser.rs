//! Two people in real browsers on the all-in-one, from joining to coming back after the server was gone. Pictures of it are
//! kept below `target/screenshots`.

use std::{path::PathBuf, time::Duration};

use e2e::browser::{Driver, Tab, hook, message_in_state};
use serde_json::{Value, json};
use test_support::{client::Rest, cluster::AllInOne, wait};

/// One red pixel.
const PICTURE: &[u8] = b"GIF89a\x01\0\x01\0\x80\0\0\xff\0\0\xff\xff\xff\x21\xf9\x04\0\0\0\0\0\
    \x2c\0\0\0\0\x01\0\x01\0\0\x02\x02\x44\x01\0\x3b";

fn room(id: &str) -> String {
    format!("[data-testid=\"room-item\"][data-room-id=\"{id}\"]")
}

async fn join(tab: &Tab, chat: &AllInOne, name: &str) {
    tab.open(&chat.base_url()).await;
    tab.see(&hook("join-name")).await;
    tab.type_into(&hook("join-name"), name).await;
    tab.click(&hook("join-button")).await;
    tab.see(&hook("composer")).await;
    tab.see(&room("general")).await;
    tab.click(&room("general")).await;
    tab.see_text(&hook("room-title"), "eneral").await;
}

async fn say(tab: &Tab, text: &str) {
    tab.type_into(&hook("composer"), &format!("{text}\n")).await;
    tab.see_text(&message_in_state("sent"), text).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_people_chat_in_their_browsers() {
    let chat = AllInOne::start().await;
    history_is_made(&chat).await;
    let driver = Driver::start().await;
    let (alice, bob) = tokio::join!(driver.browser("alice"), driver.browser("bob"));
    alice.open(&chat.base_url()).await;
    alice.see(&hook("join-name")).await;
    alice.picture("join-desktop").await;
    tokio::join!(join(&alice, &chat, "Alice"), join(&bob, &chat, "Bob"));

    they_exchange_messages(&alice, &bob).await;
    typing_and_presence_are_shown(&alice, &bob).await;
    a_new_room_shows_what_is_unread(&alice, &bob).await;
    a_reload_stays_signed_in_and_in_the_room(&alice).await;
    files_are_shown_to_the_other(&alice, &bob).await;
    a_mention_becomes_a_notification(&alice, &bob).await;
    markup_in_messages_stays_text(&alice, &bob).await;
    history_loads_on_scroll(&alice).await;
    pictures(&alice).await;
    what_is_typed_offline_is_sent_once(&alice, &bob, &chat).await;
    a_second_tab_is_another_person(&bob, &chat).await;
    let complaints: Vec<String> = alice
        .complaints()
        .await
        .into_iter()
        .filter(|line| !is_of_the_outage(line))
        .collect();
    assert!(complaints.is_empty(), "the console complains: {complaints:#?}");
    tokio::join!(alice.quit(), bob.quit());
}

/// While the server was down, the browser itself told of each attempt to reach it.
fn is_of_the_outage(line: &str) -> bool {
    line.contains("ERR_CONNECTION_REFUSED") || line.contains("WebSocket connection to")
}

async fn they_exchange_messages(alice: &Tab, bob: &Tab) {
    say(alice, "Hello Bob!").await;
    bob.see_text(&hook("message"), "Hello Bob!").await;
    say(bob, "Hello Alice!").await;
    alice.see_text(&hook("message"), "Hello Alice!").await;
    alice.type_into(&hook("composer"), "one line").await;
    let script = "const c = document.querySelector('[data-testid=composer]'); return c.value";
    assert_eq!(alice.run(script, vec![]).await, json!("one line"));
    // Shift+Enter breaks the line; WebDriver holds a modifier until it is given again.
    alice
        .type_into(&hook("composer"), "\u{e008}\n\u{e008}another")
        .await;
    assert_eq!(alice.run(script, vec![]).await, json!("one line\nanother"));
    alice.type_into(&hook("composer"), "\n").await;
    bob.see_text(&hook("message"), "another").await;
    assert_eq!(
        bob.count(&hook("message"), "Hello Bob!").await,
        1,
        "each message once"
    );
}

async fn typing_and_presence_are_shown(alice: &Tab, bob: &Tab) {
    bob.type_into(&hook("composer"), "I am thinking").await;
    alice.see_text(&hook("typing-line"), "Bob").await;
    bob.type_into(&hook("composer"), "\n").await;
    alice.lose_text(&hook("typing-line"), "Bob").await;
    alice.see_text(&hook("online-user"), "Bob").await;
    alice.see_text(&hook("online-user"), "Alice").await;
}

async fn a_new_room_shows_what_is_unread(alice: &Tab, bob: &Tab) {
    alice.click(&hook("create-room")).await;
    alice.type_into(&hook("room-name"), "Tea kitchen").await;
    alice.click(&hook("room-create-submit")).await;
    alice.see_text(&hook("room-title"), "Tea kitchen").await;
    alice.see(&hook("empty-room")).await;
    bob.see_text(&hook("room-item"), "Tea kitchen").await;
    say(bob, "Where are you?").await;
    alice
        .see_text(&format!("{} {}", room("general"), hook("unread-badge")), "1")
        .await;
    alice.click(&room("general")).await;
    alice.see_text(&hook("message"), "Where are you?").await;
    alice
        .lose_text(&format!("{} {}", room("general"), hook("unread-badge")), "1")
        .await;
}

async fn a_reload_stays_signed_in_and_in_the_room(alice: &Tab) {
    alice.type_into(&hook("composer"), "a draft").await;
    alice.click(&room("random")).await;
    alice.see_text(&hook("room-title"), "andom").await;
    alice.client().refresh().await.expect("a reload");
    alice.see(&hook("composer")).await;
    alice.see_text(&hook("room-title"), "andom").await;
    alice.click(&room("general")).await;
    alice.see_text(&hook("message"), "Hello Bob!").await;
    let script = "return document.querySelector('[data-testid=composer]').value";
    wait::until(wait::SOON, "the draft is kept", async || {
        alice.run(script, vec![]).await == json!("a draft")
    })
    .await;
    let backspaces = "\u{e003}".repeat("a draft".len());
    alice.type_into(&hook("composer"), &backspaces).await;
}

async fn files_are_shown_to_the_other(alice: &Tab, bob: &Tab) {
    let folder = tempfile::tempdir().expect("a folder");
    let keep = |name: &str, bytes: &[u8]| -> PathBuf {
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).expect("a file");
        path
    };
    let (image, text) = (
        keep("pixel.gif", PICTURE),
        keep("plan.txt", b"first this, then that"),
    );
    alice.choose_file(&hook("upload-input"), &text).await;
    bob.see_text(&hook("file-card"), "plan.txt").await;
    bob.see_text(&hook("file-card"), "21 ").await;
    alice.choose_file(&hook("upload-input"), &image).await;
    let shown = format!("{} img", hook("message"));
    bob.see(&shown).await;
    let natural =
        "const i = document.querySelector(arguments[0]); return i && i.complete ? i.naturalWidth : 0";
    wait::until(wait::SOON, "the image is shown inline", async || {
        bob.run(natural, vec![shown.clone().into()]).await == json!(1)
    })
    .await;
}

async fn a_mention_becomes_a_notification(alice: &Tab, bob: &Tab) {
    say(alice, "Look at this, @bob please").await;
    bob.see_text(&hook("notifications-badge"), "1").await;
    bob.click(&hook("notifications-button")).await;
    bob.see_text(&hook("notification"), "Alice").await;
    bob.click(&hook("notifications-read-all")).await;
    wait::until(wait::SOON, "the badge is gone", async || {
        let script = "const b = document.querySelector('[data-testid=notifications-badge]'); return b.hidden || b.textContent === ''";
        bob.run(script, vec![]).await == json!(true)
    })
    .await;
    bob.type_into("body", "\u{e00c}").await;
}

async fn markup_in_messages_stays_text(alice: &Tab, bob: &Tab) {
    let hostile = "<img src=x onerror=document.title='taken'><script>document.title='taken'</script>";
    say(alice, hostile).await;
    bob.see_text(&hook("message"), hostile).await;
    let marked = "**bold** and [link](javascript:document.title='taken')\n";
    alice.type_into(&hook("composer"), marked).await;
    bob.see_text(&format!("{} strong", hook("message")), "bold").await;
    let links = bob
        .run(
            "return [...document.querySelectorAll('a')].map(a => a.href)",
            vec![],
        )
        .await;
    assert!(!links.to_string().contains("javascript:"), "{links}");
    assert_ne!(bob.client().title().await.expect("a title"), "taken");
}

/// Said before anybody looked.
async fn history_is_made(chat: &AllInOne) {
    let rest = Rest::new(chat.base_url());
    for n in 1..=150 {
        let message =
            json!({"user_id": "historian", "username": "Historian", "content": format!("history {n}.")});
        let _ = rest
            .post("/api/chat/rooms/devops/messages", &message)
            .await
            .expect(201);
    }
}

async fn history_loads_on_scroll(alice: &Tab) {
    alice.click(&room("devops")).await;
    alice.see_text(&hook("message"), "history 150.").await;
    assert_eq!(
        alice.count(&hook("message"), "history 1.").await,
        0,
        "only the newest page at first"
    );
    wait::until(Duration::from_secs(30), "the first message", async || {
        let before = "const s = document.querySelector('[data-testid=timeline]'); s.scrollTop = 0; \
                      const f = s.querySelector('[data-testid=message]'); return f.dataset.messageId";
        let first = alice.run(before, vec![]).await;
        let place = "const s = document.querySelector('[data-testid=timeline]').getBoundingClientRect(); \
                     const m = document.querySelector(`[data-message-id=\"${arguments[0]}\"]`); \
                     if (!m) return true; const r = m.getBoundingClientRect(); return r.bottom > s.top && r.top < s.bottom";
        tokio::time::sleep(Duration::from_millis(300)).await;
        assert_eq!(alice.run(place, vec![first]).await, json!(true), "what was in view stays in view");
        alice.count(&hook("message"), "history 1.").await == 1
    })
    .await;
    let all = alice.texts(&hook("message")).await;
    let count = all.iter().filter(|text| text.contains("history")).count();
    assert_eq!(count, 150, "each once");
    alice.click(&room("general")).await;
    alice.see_text(&hook("message"), "Hello Bob!").await;
}

async fn pictures(tab: &Tab) {
    for scheme in ["light", "dark"] {
        tab.prefer(scheme).await;
        for (name, width, height) in [("desktop", 1280, 800), ("phone", 390, 844)] {
            tab.screen(width, height, name == "phone").await;
            tab.see(&hook("composer")).await;
            tab.picture(&format!("chat-{name}-{scheme}")).await;
            let wide = tab
                .run("return document.documentElement.scrollWidth", vec![])
                .await;
            assert!(
                wide.as_u64().is_some_and(|wide| wide <= u64::from(width)),
                "{name} scrolls sideways: {wide}"
            );
        }
    }
    tab.screen(1280, 800, false).await;
    tab.prefer("light").await;
}

async fn what_is_typed_offline_is_sent_once(alice: &Tab, bob: &Tab, chat: &AllInOne) {
    chat.process.kill().await;
    let state = format!(
        "{}[data-state=offline], {}[data-state=connecting]",
        hook("connection-banner"),
        hook("connection-banner")
    );
    alice.see(&state).await;
    alice.type_into(&hook("composer"), "Typed while offline\n").await;
    alice
        .see_text(&message_in_state("pending"), "Typed while offline")
        .await;
    alice.picture("offline-desktop").await;
    // It survives a reload's worth of trouble: another message, then the server is back.
    alice.type_into(&hook("composer"), "And a second one\n").await;
    chat.start_again().await;
    for text in ["Typed while offline", "And a second one"] {
        alice.see_text(&message_in_state("sent"), text).await;
        bob.see_text(&hook("message"), text).await;
        assert_eq!(bob.count(&hook("message"), text).await, 1, "{text:?} once");
        assert_eq!(alice.count(&hook("message"), text).await, 1, "{text:?} once");
    }
    let history: Vec<Value> = Rest::new(chat.base_url())
        .get("/api/chat/rooms/general/messages?limit=200")
        .await
        .expect(200)
        .parse();
    let offline: Vec<&Value> = history
        .iter()
        .map(|message| &message["content"])
        .filter(|content| {
            ["Typed while offline", "And a second one"].contains(&content.as_str().unwrap_or_default())
        })
        .collect();
    assert_eq!(
        offline,
        ["Typed while offline", "And a second one"],
        "stored once, in the order of typing"
    );
}

async fn a_second_tab_is_another_person(bob: &Tab, chat: &AllInOne) {
    let first = bob.client().window().await.expect("the first tab");
    let carol = bob.another("carol").await;
    join(&carol, chat, "Carol").await;
    say(&carol, "I am Carol").await;
    bob.client().switch_to_window(first).await.expect("the first tab");
    bob.see_text(&hook("message"), "I am Carol").await;
    say(bob, "and I am still Bob").await;
    let history: Vec<Value> = Rest::new(chat.base_url())
        .get("/api/chat/rooms/general/messages?limit=2")
        .await
        .expect(200)
        .parse();
    let names: Vec<&Value> = history.iter().map(|message| &message["username"]).collect();
    assert_eq!(names, ["Carol", "Bob"]);
}
