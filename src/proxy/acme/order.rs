//! One certificate: the account, the order, the proof that the names are ours, the key of our own, and the chain.

use std::time::Duration;

use instant_acme::{
    Account, AuthorizationStatus, ChallengeType, Error, Identifier, NewAccount, NewOrder, Order, OrderStatus,
    RetryPolicy,
};
use rcgen::{CertificateParams, DistinguishedName, KeyPair};

use super::challenges::Challenges;
use super::http::Http;
use super::store::Store;
use super::{Acme, AcmeError, Challenge};

/// For the authority to look at a challenge, and to sign.
const PATIENCE: Duration = Duration::from_secs(120);

/// The certificate is in the store when this is done.
pub async fn obtain(acme: &Acme, challenges: &Challenges) -> Result<(), AcmeError> {
    let store = Store::new(&acme.store);
    let account = account(acme, &store).await?;
    let names: Vec<Identifier> = acme.names.iter().cloned().map(Identifier::Dns).collect();
    let mut order = account.new_order(&NewOrder::new(&names)).await.map_err(AcmeError::Order)?;
    prove(acme, challenges, &mut order).await?;
    let patience = RetryPolicy::new().timeout(PATIENCE);
    let status = match order.poll_ready(&patience).await {
        // It says at once what it found where it looked.
        Err(Error::Api(problem)) => return Err(AcmeError::Refused(problem.to_string())),
        status => status.map_err(AcmeError::Order)?,
    };
    if status != OrderStatus::Ready {
        return Err(AcmeError::Refused(reason(&mut order).await));
    }
    let key = KeyPair::generate().map_err(AcmeError::Made)?;
    let mut params = CertificateParams::new(acme.names.clone()).map_err(AcmeError::Made)?;
    params.distinguished_name = DistinguishedName::new();
    let request = params.serialize_request(&key).map_err(AcmeError::Made)?;
    order.finalize_csr(request.der()).await.map_err(AcmeError::Certificate)?;
    let chain = order.poll_certificate(&patience).await.map_err(AcmeError::Certificate)?;
    Ok(store.keep_pair(&key.serialize_pem(), &chain)?)
}

async fn account(acme: &Acme, store: &Store<'_>) -> Result<Account, AcmeError> {
    let builder = Account::builder_with_http(Box::new(Http::new(acme.root.as_deref())?));
    if let Some(known) = store.account(&acme.directory)? {
        return builder.from_credentials(known).await.map_err(AcmeError::Account);
    }
    let contact: Vec<String> = acme.contact.iter().map(|mail| format!("mailto:{mail}")).collect();
    let contact: Vec<&str> = contact.iter().map(String::as_str).collect();
    // Without that there are no settings for ACME.
    let new = NewAccount { contact: &contact, terms_of_service_agreed: true, only_return_existing: false };
    let created = builder.create(&new, acme.directory.clone(), None).await;
    let (account, credentials) = created.map_err(AcmeError::Account)?;
    store.keep_account(&acme.directory, &credentials)?;
    tracing::info!(account = account.id(), "new account at the authority");
    Ok(account)
}

/// Offers what the authority asks for, and tells it to look.
async fn prove(acme: &Acme, challenges: &Challenges, order: &mut Order) -> Result<(), AcmeError> {
    let mut authorizations = order.authorizations();
    while let Some(authorization) = authorizations.next().await {
        let mut authorization = authorization.map_err(AcmeError::Order)?;
        // It may have believed us before, and remembers.
        if authorization.status == AuthorizationStatus::Valid {
            continue;
        }
        let name = authorization.identifier().to_string();
        let kind = match acme.challenge {
            Challenge::Http01 => ChallengeType::Http01,
            Challenge::TlsAlpn01 => ChallengeType::TlsAlpn01,
        };
        let missing = AcmeError::NoChallenge { challenge: acme.challenge, name: name.clone() };
        let mut challenge = authorization.challenge(kind).ok_or(missing)?;
        let proof = challenge.key_authorization();
        match acme.challenge {
            Challenge::Http01 => challenges.offer_text(challenge.token.clone(), proof.as_str().to_owned()),
            Challenge::TlsAlpn01 => challenges.offer_certificate(&name, proof.digest().as_ref())?,
        }
        challenge.set_ready().await.map_err(AcmeError::Order)?;
    }
    Ok(())
}

/// What the authority found where it looked.
async fn reason(order: &mut Order) -> String {
    let mut reasons = Vec::new();
    let mut authorizations = order.authorizations();
    while let Some(Ok(mut authorization)) = authorizations.next().await {
        let name = authorization.identifier().to_string();
        // As it is now, which may differ from what it was when the order was made.
        let Ok(state) = authorization.refresh().await else { continue };
        let problems = state.challenges.iter().filter_map(|challenge| challenge.error.as_ref());
        reasons.extend(problems.map(|problem| format!("{name}: {problem}")));
    }
    if reasons.is_empty() { "it does not say why".to_owned() } else { reasons.join("; ") }
}
