//! An issuer of tokens: signs them, and publishes its keys over HTTP.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

/// Claims of alice that are good for an hour, with those of `further`.
pub(crate) fn claims(further: &Value) -> Value {
    let now = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap()
        .as_secs();
    let mut claims = json!({"sub": "alice", "exp": now + 3_600});
    for (name, value) in further.as_object().unwrap() {
        claims[name] = value.clone();
    }
    claims
}

/// A token signed by a shared secret.
pub(crate) fn hs256(secret: &str, claims: &Value) -> String {
    let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, secret.as_bytes());
    assemble(&json!({"alg": "HS256"}), claims, |message| {
        ring::hmac::sign(&key, message).as_ref().to_vec()
    })
}

/// A token with this header, whatever it says, and this signature.
pub(crate) fn assemble(header: &Value, claims: &Value, sign: impl FnOnce(&[u8]) -> Vec<u8>) -> String {
    let part = |json: &Value| URL_SAFE_NO_PAD.encode(json.to_string());
    let message = format!("{}.{}", part(header), part(claims));
    let signature = URL_SAFE_NO_PAD.encode(sign(message.as_bytes()));
    format!("{message}.{signature}")
}

/// A key of an issuer.
pub(crate) struct SigningKey {
    id: &'static str,
    pair: EcdsaKeyPair,
}

impl SigningKey {
    pub(crate) fn new(id: &'static str) -> Self {
        let random = SystemRandom::new();
        let document = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).unwrap();
        let pair =
            EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, document.as_ref(), &random).unwrap();
        Self { id, pair }
    }

    /// An ES256 token.
    pub(crate) fn token(&self, claims: &Value) -> String {
        assemble(&json!({"alg": "ES256", "kid": self.id}), claims, |message| {
            let signature = self.pair.sign(&SystemRandom::new(), message);
            signature.unwrap().as_ref().to_vec()
        })
    }

    fn public(&self) -> Value {
        let (x, y) = self.pair.public_key().as_ref()[1..].split_at(32);
        let text = |bytes| URL_SAFE_NO_PAD.encode(bytes);
        json!({"kty": "EC", "crv": "P-256", "kid": self.id, "x": text(x), "y": text(y)})
    }
}

/// Publishes keys at `/keys` and the metadata of OpenID Connect that lead there.
pub(crate) struct Issuer {
    address: SocketAddr,
    documents: Arc<Mutex<BTreeMap<String, String>>>,
}

impl Issuer {
    pub(crate) async fn start(keys: &[&SigningKey]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let issuer = Self {
            address: listener.local_addr().unwrap(),
            documents: Arc::default(),
        };
        issuer.publish(keys);
        let metadata = json!({"issuer": issuer.url(), "jwks_uri": format!("{}/keys", issuer.url())});
        let path = "/.well-known/openid-configuration".to_owned();
        issuer
            .documents
            .lock()
            .unwrap()
            .insert(path, metadata.to_string());
        let documents = issuer.documents.clone();
        tokio::spawn(async move {
            while let Ok((mut tcp, _)) = listener.accept().await {
                let mut head = vec![0; 4096];
                let read = tcp.read(&mut head).await.unwrap_or(0);
                let head = String::from_utf8_lossy(&head[..read]);
                let path = head.split(' ').nth(1).unwrap_or_default();
                let body = documents.lock().unwrap().get(path).cloned().unwrap_or_default();
                let length = body.len();
                let answer =
                    format!("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}");
                // Whoever asked may have gone.
                let _ = tcp.write_all(answer.as_bytes()).await;
            }
        });
        issuer
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// From now on these are its keys.
    pub(crate) fn publish(&self, keys: &[&SigningKey]) {
        let keys: Vec<_> = keys.iter().map(|key| key.public()).collect();
        let document = json!({"keys": keys}).to_string();
        self.documents
            .lock()
            .unwrap()
            .insert("/keys".to_owned(), document);
    }
}
