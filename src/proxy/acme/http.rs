//! How the authority is asked: one HTTP client, one TLS stack.

use std::path::Path;
use std::pin::Pin;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body_util::{BodyExt as _, Full};
use hyper::{Request, Response};
use instant_acme::{BodyWrapper, BytesResponse, Error, HttpClient};

use super::AcmeError;

/// An authority under load takes its time; one that takes longer is asked again later.
const PATIENCE: Duration = Duration::from_secs(30);
/// A chain of certificates has some kilobytes.
const MOST: usize = 1024 * 1024;

#[derive(Debug)]
pub struct Http(reqwest::Client);

impl Http {
    /// `root` is in place of the authorities that are known to everybody.
    pub fn new(root: Option<&Path>) -> Result<Self, AcmeError> {
        let agent = concat!("reeve/", env!("CARGO_PKG_VERSION"));
        let mut builder = reqwest::Client::builder().timeout(PATIENCE).user_agent(agent);
        if let Some(path) = root {
            let pem = std::fs::read(path).map_err(|source| AcmeError::Root { path: path.to_owned(), source })?;
            builder = builder.tls_certs_only(reqwest::Certificate::from_pem_bundle(&pem).map_err(AcmeError::Client)?);
        }
        builder.build().map(Self).map_err(AcmeError::Client)
    }
}

type Answer = Pin<Box<dyn Future<Output = Result<BytesResponse, Error>> + Send>>;

impl HttpClient for Http {
    fn request(&self, request: Request<BodyWrapper<Bytes>>) -> Answer {
        let client = self.0.clone();
        Box::pin(async move {
            let (head, body) = request.into_parts();
            let body = match body.collect().await {
                Ok(body) => body.to_bytes(),
                Err(never) => match never {},
            };
            let sent = client.request(head.method, head.uri.to_string()).headers(head.headers).body(body).send();
            let mut answer = sent.await.map_err(other)?;
            let mut text = BytesMut::new();
            while let Some(piece) = answer.chunk().await.map_err(other)? {
                if text.len() + piece.len() > MOST {
                    return Err(Error::Str("an answer that is not too long"));
                }
                text.extend_from_slice(&piece);
            }
            let mut response = Response::new(Full::new(text.freeze()));
            *response.status_mut() = answer.status();
            *response.headers_mut() = std::mem::take(answer.headers_mut());
            Ok(BytesResponse::from(response))
        })
    }
}

fn other(error: reqwest::Error) -> Error {
    Error::Other(Box::new(error))
}
