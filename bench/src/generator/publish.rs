//! Sends messages: through Redis, through NATS, or to chat-svc.

use std::{net::SocketAddr, time::Duration};

use futures_util::{Stream, StreamExt, stream::FuturesUnordered};
use proto::chat::{SendMessageRequest, chat_service_client::ChatServiceClient};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpStream, tcp::OwnedWriteHalf},
    time::{Instant, sleep_until},
};
use tonic::transport::{Channel, Endpoint};

use super::{counters::Counters, sockets::room};
use crate::{
    clock,
    control::{Answer, Pace, Publish, RUN, Spread, Way},
    fault::{Doing, Fault, Result},
    payload,
};

/// Connections to each chat-svc.
const CHANNELS: usize = 4;

/// Calls to chat-svc that are under way at once: more than any burst has, and less than it refuses.
const UNDER_WAY: usize = 2_000;

/// Sends what is asked for, and waits until it was received.
pub(super) async fn publish(counters: &Counters, publish: Publish) -> Result<Answer> {
    let mut sender = Sender::open(&publish).await?;
    let begun = clock::now();
    let before = counters.deliveries();
    let sent = match publish.pace {
        Pace::Once => sender.at_once(publish.rooms).await?,
        Pace::Every(per_second) => sender.every(per_second).await?,
        Pace::Bursts(size) => sender.bursts(size, counters, before).await?,
        Pace::Callers(callers) => sender.callers(callers).await?,
        Pace::Runs(senders) => sender.runs(senders, counters, before).await?,
    };
    counters
        .reached(before + sent * publish.receivers, publish.patience)
        .await?;
    Ok(Answer::Published {
        messages: sent,
        seconds: clock::seconds(begun, clock::now()),
        acknowledged: Spread::of(sender.acknowledged),
    })
}

struct Sender<'a> {
    publish: &'a Publish,
    line: Line,
    /// Messages in a row that go to the same room.
    run: u64,
    sent: u64,
    /// How long each message took to be acknowledged, in nanoseconds.
    acknowledged: Vec<u64>,
}

/// Puts a frame for a room into bytes that are written.
type Encode = Box<dyn Fn(&mut Vec<u8>, &str, &[u8])>;

/// A way that is open.
enum Line {
    Stream(OwnedWriteHalf, Encode),
    Grpc(Vec<ChatServiceClient<Channel>>),
}

impl<'a> Sender<'a> {
    async fn open(publish: &'a Publish) -> Result<Self> {
        let line = match &publish.way {
            Way::Redis(address) => {
                stream(
                    *address,
                    b"*3\r\n$6\r\nCLIENT\r\n$5\r\nREPLY\r\n$3\r\nOFF\r\n",
                    Box::new(in_redis),
                )
                .await?
            }
            Way::Http(address, path) => {
                let path = path.clone();
                stream(
                    *address,
                    b"",
                    Box::new(move |bytes, room, frame| in_http(bytes, &path, room, frame)),
                )
                .await?
            }
            Way::Nats(address) => {
                stream(
                    *address,
                    b"CONNECT {\"verbose\":false}\r\nPING\r\n",
                    Box::new(in_nats),
                )
                .await?
            }
            Way::Grpc(urls) => {
                let mut clients = Vec::new();
                for url in urls.iter().flat_map(|url| std::iter::repeat_n(url, CHANNELS)) {
                    let endpoint = Endpoint::from_shared(url.clone())
                        .map_err(|error| Fault::other(error.to_string()))?;
                    let channel = endpoint.tcp_nodelay(true).connect().await;
                    clients.push(ChatServiceClient::new(
                        channel.map_err(|error| Fault::other(format!("{url}: {error}")))?,
                    ));
                }
                Line::Grpc(clients)
            }
        };
        Ok(Self {
            publish,
            line,
            run: if matches!(publish.pace, Pace::Runs(_)) {
                RUN
            } else {
                1
            },
            sent: 0,
            acknowledged: Vec::new(),
        })
    }

    /// One at a time, at a fixed pace.
    async fn every(&mut self, per_second: f64) -> Result<u64> {
        let begun = Instant::now();
        let mut at = begun;
        let mut under_way = FuturesUnordered::new();
        while at < begun + self.publish.duration {
            tokio::select! {
                biased;
                Some(answered) = under_way.next(), if !under_way.is_empty() => self.acknowledged.push(answered?),
                () = sleep_until(at) => {
                    match &self.line {
                        Line::Grpc(_) => under_way.push(self.call()?),
                        Line::Stream(..) => self.write(1).await?,
                    }
                    at += Duration::from_secs_f64(1.0 / per_second);
                }
            }
        }
        self.rest(under_way).await
    }

    /// So many at once.
    async fn at_once(&mut self, count: u64) -> Result<u64> {
        if matches!(self.line, Line::Grpc(_)) {
            let mut under_way = FuturesUnordered::new();
            for _ in 0..count {
                if under_way.len() >= UNDER_WAY
                    && let Some(answered) = under_way.next().await
                {
                    self.acknowledged.push(answered?);
                }
                under_way.push(self.call()?);
            }
            return self.rest(under_way).await;
        }
        self.write(count).await?;
        Ok(self.sent)
    }

    /// Many at once, and the next when all have been received.
    async fn bursts(&mut self, size: u64, counters: &Counters, before: u64) -> Result<u64> {
        let begun = Instant::now();
        while begun.elapsed() < self.publish.duration {
            self.at_once(size).await?;
            counters
                .reached(before + self.sent * self.publish.receivers, self.publish.patience)
                .await?;
        }
        Ok(self.sent)
    }

    /// Many callers, each as fast as it is answered.
    async fn callers(&mut self, callers: u64) -> Result<u64> {
        let begun = Instant::now();
        let mut under_way = FuturesUnordered::new();
        while begun.elapsed() < self.publish.duration {
            while (under_way.len() as u64) < callers {
                under_way.push(self.call()?);
            }
            if let Some(answered) = under_way.next().await {
                self.acknowledged.push(answered?);
            }
        }
        self.rest(under_way).await
    }

    /// Many senders in turns, each of which has every so-manieth room to itself, and a whole run under way. When half of all was received, it
    /// is sent anew: the same arrivals by each way, but for what is between it and Redis.
    async fn runs(&mut self, senders: u64, counters: &Counters, before: u64) -> Result<u64> {
        let begun = Instant::now();
        let mut under_way = FuturesUnordered::new();
        let (most, receivers) = (senders * RUN, self.publish.receivers.max(1));
        while begun.elapsed() < self.publish.duration {
            let received = (counters.deliveries() - before) / receivers;
            let runs = (received + most).saturating_sub(self.sent) / RUN;
            if runs * 2 >= senders {
                if matches!(self.line, Line::Grpc(_)) {
                    for _ in 0..runs * RUN {
                        under_way.push(self.call()?);
                    }
                } else {
                    self.write(runs * RUN).await?;
                }
            }
            let half = before + (self.sent - most / 2) * receivers;
            tokio::select! {
                Some(answered) = under_way.next(), if !under_way.is_empty() => self.acknowledged.push(answered?),
                reached = counters.reached(half, self.publish.patience) => reached?,
            }
        }
        self.rest(under_way).await
    }

    /// Waits for what is under way still.
    async fn rest(&mut self, mut under_way: impl Stream<Item = Result<u64>> + Unpin) -> Result<u64> {
        while let Some(answered) = under_way.next().await {
            self.acknowledged.push(answered?);
        }
        Ok(self.sent)
    }

    fn next_room(&mut self) -> String {
        let number = self.sent / self.run % self.publish.rooms.max(1);
        self.sent += 1;
        room(number)
    }

    /// Sends one message; the future tells how many nanoseconds later it was acknowledged.
    fn call(&mut self) -> Result<impl Future<Output = Result<u64>> + Send + use<>> {
        let room_id = self.next_room();
        let Line::Grpc(clients) = &self.line else {
            return Err(Fault::other("only chat-svc acknowledges"));
        };
        let place = usize::try_from(self.sent % clients.len() as u64).unwrap_or(0);
        let mut client = clients
            .get(place)
            .cloned()
            .ok_or_else(|| Fault::other("no chat-svc"))?;
        let sent = clock::now();
        let request = SendMessageRequest {
            room_id,
            user_id: "sender".into(),
            username: "sender".into(),
            content: payload::content(),
            ..SendMessageRequest::default()
        };
        Ok(async move {
            let answer = client.send_message(request).await;
            answer.map_err(|status| Fault::other(format!("SendMessage: {status}")))?;
            Ok(clock::now() - sent)
        })
    }

    /// Publishes messages in one write.
    async fn write(&mut self, count: u64) -> Result<()> {
        let mut bytes = Vec::new();
        for _ in 0..count {
            let room = self.next_room();
            if let Line::Stream(_, encode) = &self.line {
                encode(&mut bytes, &room, &payload::frame(&room, self.sent));
            }
        }
        match &mut self.line {
            Line::Stream(stream, _) => stream.write_all(&bytes).await.doing("publishing"),
            Line::Grpc(_) => Err(Fault::other("chat-svc takes calls")),
        }
    }
}

async fn stream(address: SocketAddr, hello: &[u8], encode: Encode) -> Result<Line> {
    let stream = TcpStream::connect(address).await.doing("connecting to publish")?;
    stream.set_nodelay(true).doing("connecting to publish")?;
    let (mut read, mut write) = stream.into_split();
    write.write_all(hello).await.doing("connecting to publish")?;
    // What it says is of no interest, but has to be taken from it.
    tokio::spawn(async move {
        let mut buffer = vec![0; 4096];
        while read.read(&mut buffer).await.is_ok_and(|count| count > 0) {}
    });
    Ok(Line::Stream(write, encode))
}

fn in_redis(bytes: &mut Vec<u8>, room: &str, frame: &[u8]) {
    let channel = format!("room:{room}");
    bytes.extend(
        format!(
            "*3\r\n$7\r\nPUBLISH\r\n${}\r\n{channel}\r\n${}\r\n",
            channel.len(),
            frame.len()
        )
        .bytes(),
    );
    bytes.extend(frame);
    bytes.extend(b"\r\n");
}

fn in_nats(bytes: &mut Vec<u8>, room: &str, frame: &[u8]) {
    bytes.extend(format!("PUB room.{room} {}\r\n", frame.len()).bytes());
    bytes.extend(frame);
    bytes.extend(b"\r\n");
}

fn in_http(bytes: &mut Vec<u8>, path: &str, room: &str, frame: &[u8]) {
    let path = path.replace("{room}", room);
    let length = frame.len();
    bytes.extend(
        format!("POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {length}\r\n\r\n").bytes(),
    );
    bytes.extend(frame);
}
