//! Guests, accounts, sessions.

use std::sync::{Arc, Mutex};

use chat_svc::{
    clock::Clock,
    identity::Identities,
    store::{Account, Identities as _, StoredSession},
};
use jiff::{SignedDuration, Timestamp};
use proto::chat::{
    AuthenticateRequest, IdentifyRequest, IsOwnedRequest, RegisterRequest, SignInGuestRequest, SignInRequest,
    SignOutRequest,
};
use test_support::wait;
use tonic::{Code, Status};

use crate::{
    on_both_stores,
    support::{Service, Store, refusal},
};

on_both_stores!(
    a_guest_is_known_by_the_token_until_signing_out,
    an_account_is_known_by_its_password_alone,
    an_account_takes_its_id_from_guests,
    a_guest_who_comes_in_while_the_account_is_made_stays_out,
    a_session_ends,
    a_crowd_is_identified_in_one_call,
    bad_input_is_named,
);

fn guest(user_id: &str) -> SignInGuestRequest {
    SignInGuestRequest {
        user_id: user_id.to_owned(),
        username: "Gust".to_owned(),
    }
}

fn account(user_id: &str) -> RegisterRequest {
    RegisterRequest {
        user_id: user_id.to_owned(),
        username: "Alice A.".to_owned(),
        password: "correct horse".to_owned(),
    }
}

async fn whose(service: &Service, token: &str) -> Result<(String, String, bool), Status> {
    let request = AuthenticateRequest {
        token: token.to_owned(),
    };
    let who = service.identity.clone().authenticate(request).await?.into_inner();
    Ok((who.user_id, who.username, who.guest))
}

async fn a_guest_is_known_by_the_token_until_signing_out(store: Store) {
    let service = store.service().await;
    let mut identity = service.identity.clone();
    let session = identity.sign_in_guest(guest("gust")).await.unwrap().into_inner();
    assert!(session.token.len() == 64 && session.expires_at.is_some());
    let known = ("gust".to_owned(), "Gust".to_owned(), true);
    assert_eq!(whose(&service, &session.token).await.unwrap(), known);
    for unknown in ["", "x", &"0".repeat(64)] {
        assert_eq!(refusal(whose(&service, unknown).await).0, Code::Unauthenticated);
        let request = SignOutRequest {
            token: unknown.to_owned(),
        };
        identity.sign_out(request).await.expect("is no error");
    }
    assert_eq!(whose(&service, &session.token).await.unwrap(), known);
    let request = SignOutRequest {
        token: session.token.clone(),
    };
    identity.sign_out(request).await.unwrap();
    assert_eq!(
        refusal(whose(&service, &session.token).await).0,
        Code::Unauthenticated
    );
}

async fn an_account_is_known_by_its_password_alone(store: Store) {
    let service = store.service().await;
    let mut identity = service.identity.clone();
    let registered = identity.register(account("alice")).await.unwrap().into_inner();
    let known = ("alice".to_owned(), "Alice A.".to_owned(), false);
    assert_eq!(whose(&service, &registered.token).await.unwrap(), known);
    assert_eq!(
        refusal(identity.register(account("alice")).await).0,
        Code::AlreadyExists
    );
    let sign_in = |user_id: &str, password: &str| SignInRequest {
        user_id: user_id.to_owned(),
        password: password.to_owned(),
    };
    let session = identity
        .sign_in(sign_in("alice", "correct horse"))
        .await
        .unwrap()
        .into_inner();
    assert_ne!(session.token, registered.token);
    assert_eq!(whose(&service, &session.token).await.unwrap(), known);
    let wrong = identity
        .sign_in(sign_in("alice", "wrong horse"))
        .await
        .unwrap_err();
    let nobody = identity
        .sign_in(sign_in("nobody", "correct horse"))
        .await
        .unwrap_err();
    assert_eq!(wrong.code(), Code::Unauthenticated);
    assert_eq!((wrong.code(), wrong.message()), (nobody.code(), nobody.message()));
}

async fn an_account_takes_its_id_from_guests(store: Store) {
    let service = store.service().await;
    let mut identity = service.identity.clone();
    let owned = async |user_id: &str| {
        let request = IsOwnedRequest {
            user_id: user_id.to_owned(),
        };
        service
            .identity
            .clone()
            .is_owned(request)
            .await
            .unwrap()
            .into_inner()
            .owned
    };
    let before = identity.sign_in_guest(guest("alice")).await.unwrap().into_inner();
    assert!(whose(&service, &before.token).await.unwrap().2);
    assert!(!owned("alice").await);
    identity.register(account("alice")).await.unwrap();
    assert!(owned("alice").await && !owned("bob").await);
    assert_eq!(
        refusal(identity.sign_in_guest(guest("alice")).await).0,
        Code::FailedPrecondition
    );
    assert_eq!(
        refusal(whose(&service, &before.token).await).0,
        Code::Unauthenticated
    );
    // Another instance knows it within its memory of five seconds.
    let other = store.service().await;
    let knows = async || whose(&other, &before.token).await.is_err();
    wait::until(wait::SOON, "the guest's session is over everywhere", knows).await;
}

async fn a_guest_who_comes_in_while_the_account_is_made_stays_out(store: Store) {
    let direct = store.direct().await;
    let now = Timestamp::now();
    let owner = Account {
        user_id: "alice".to_owned(),
        username: "Alice".to_owned(),
        password_hash: "$argon2id$".to_owned(),
    };
    direct.create_account(owner, now).await.unwrap();
    let session = |token_hash, guest| StoredSession {
        token_hash,
        user_id: "alice".to_owned(),
        username: "Alice".to_owned(),
        guest,
        expires_at: now + SignedDuration::from_hours(1),
    };
    // A guest's, opened after the account had ended those it knew of; and the owner's.
    direct.open_session(session([1; 32], true), now).await.unwrap();
    direct.open_session(session([2; 32], false), now).await.unwrap();
    let found = direct.sessions(vec![[1; 32], [2; 32]], now).await.unwrap();
    let found: Vec<[u8; 32]> = found.iter().map(|session| session.token_hash).collect();
    assert_eq!(found, [[2; 32]]);
    let later = now + SignedDuration::from_hours(2);
    assert_eq!(direct.sweep_sessions(later).await.unwrap(), 2);
}

async fn a_session_ends(store: Store) {
    let time = Arc::new(Mutex::new(Timestamp::from_second(1_800_000_000).unwrap()));
    let clock = {
        let time = Arc::clone(&time);
        Clock::from_fn(move || *time.lock().unwrap())
    };
    let identities = Identities::new(store.direct().await, clock.clone());
    let opened = identities
        .sign_in_guest("gust".to_owned(), "Gust".to_owned())
        .await
        .unwrap();
    let day = SignedDuration::from_hours(24);
    *time.lock().unwrap() += day * 29;
    // One that has not heard of the token before, and one that has.
    let fresh = Identities::new(store.direct().await, clock.clone());
    assert!(fresh.authenticate(&opened.token).await.is_ok());
    assert!(identities.authenticate(&opened.token).await.is_ok());
    *time.lock().unwrap() += day * 2;
    assert!(identities.authenticate(&opened.token).await.is_err());
    let fresh = Identities::new(store.direct().await, clock);
    assert!(fresh.authenticate(&opened.token).await.is_err());
}

async fn a_crowd_is_identified_in_one_call(store: Store) {
    let service = store.service().await;
    let mut identity = service.identity.clone();
    let alice = identity.register(account("alice")).await.unwrap().into_inner();
    let gust = identity.sign_in_guest(guest("gust")).await.unwrap().into_inner();
    let over = identity.sign_in_guest(guest("gone")).await.unwrap().into_inner();
    let out = SignOutRequest {
        token: over.token.clone(),
    };
    identity.sign_out(out).await.unwrap();
    let crowd = IdentifyRequest {
        tokens: vec![
            "x".to_owned(),
            gust.token.clone(),
            over.token,
            alice.token,
            gust.token,
        ],
        user_ids: ["bob", "alice", "gust", "alice"].map(str::to_owned).into(),
    };
    // From memory, and from the store by one that remembers nothing.
    let other = store.service().await;
    for service in [&service, &other, &other] {
        let answer = service.identity.clone().identify(crowd.clone()).await;
        let answer = answer.unwrap().into_inner();
        let found: Vec<_> = answer.identities.iter().map(|who| &*who.user_id).collect();
        assert_eq!(found, ["", "gust", "", "alice", "gust"]);
        assert!(answer.identities[1].guest && answer.identities[3].username == "Alice A.");
        assert_eq!(answer.owned, [false, true, false, true]);
    }
    let nobody = identity.identify(IdentifyRequest::default()).await.unwrap();
    assert!(nobody.into_inner().identities.is_empty());
    let bad = (Code::InvalidArgument, Some("user_id".to_owned()));
    let odd = IdentifyRequest {
        user_ids: vec!["bob".to_owned(), "?".to_owned()],
        ..IdentifyRequest::default()
    };
    assert_eq!(refusal(identity.identify(odd).await), bad);
    let many = IdentifyRequest {
        tokens: vec!["x".to_owned(); 501],
        user_ids: vec!["bob".to_owned(); 500],
    };
    let bad = (Code::InvalidArgument, Some("user_ids".to_owned()));
    assert_eq!(refusal(identity.identify(many).await), bad);
}

async fn bad_input_is_named(store: Store) {
    let service = store.service().await;
    let mut identity = service.identity.clone();
    let bad = |field: &str| (Code::InvalidArgument, Some(field.to_owned()));
    assert_eq!(
        refusal(identity.sign_in_guest(guest("Not An Id")).await),
        bad("user_id")
    );
    let mut request = guest("gust");
    request.username = "\u{202E}evil".to_owned();
    assert_eq!(refusal(identity.sign_in_guest(request).await), bad("username"));
    for password in ["short", &"x".repeat(257)] {
        let mut request = account("alice");
        request.password = password.to_owned();
        assert_eq!(refusal(identity.register(request).await), bad("password"));
    }
    let request = IsOwnedRequest {
        user_id: "?".to_owned(),
    };
    assert_eq!(refusal(identity.is_owned(request).await), bad("user_id"));
}
