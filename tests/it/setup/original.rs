//! The original's `.env`, dropped in as it is.

use serde_json::json;

use super::{Status, rows};

/// As its set-up leaves it for a user who chose name and password; values from the contract's table.
const ENV: &str = "\
GH_CLIENT_ID=Ov23liexample
GH_CLIENT_SECRET=your_github_client_secret
JWT_SECRET=secret
REFRESH_JWT_SECRET=secret
JWT_EXPIRATION=
JWT_REFRESH_EXPIRATION=
AI_ORG_ID=your_openai_org_id
AI_API_KEY=your_openai_api_key
DB_HOST=postgres
DB_PORT=5432
DB_USER=statusowner
DB_PASSWORD=statuspass
DB_NAME=statusdata
DB_GRAFANA_HOST=postgres:5432
DB_CONFIG=
USER_STATUS=ada
PASS_STATUS='a $password of \"hers\"'
NODE_RED_URL=http://node-red-status:1880
GRAFANA_URL=http://grafana:3000
GRAFANA_USER=ada
GRAFANA_PASSWORD='a $password of \"hers\"'
GRAFANA_API_KEY=null
DRAGONFLY_HOST=dragonfly
DRAGONFLY_PORT=6379
API_PREFIX=/api/v1
MONGO_LOG_URI=mongodb://root:root@mongo-registry:27017/ownlogs?authSource=admin
OASTLM_MODULE_DISABLED=false
HTTPS_SERVER=null
MONGOADMIN=root
MONGOPASS=root
REGISTRY_URL=http://registry:80
MONGO_URI=mongodb://root:root@mongo-registry:27017/owndata?authSource=admin
GOV_LOG_MONGODB_ENABLED=true
GOV_LOG_MONGODB_LEVEL=INFO
VITE_BASE_URL=http://status-backend:3001/api/v1
VITE_NODE_RED_URL=http://node-red-status:1880
VITE_GRAFANA_URL=http://grafana:3000
VITE_NODE_ENV=development
STATUS_LEDGER_ENDPOINT=ledger:80
";

const PASSWORD: &str = "a $password of \"hers\"";

#[test]
fn the_original_s_env_is_honoured() {
    let status = Status::new();
    status.stack.write(".env", ENV);
    let up = status.up();
    for name in ["DB_PASSWORD", "JWT_SECRET", "MONGOPASS", "REFRESH_JWT_SECRET"] {
        assert!(up.stderr.contains(&format!("WARNING: {name} has a value that everybody knows")), "{}", up.stderr);
    }
    assert!(!up.stderr.contains("PASS_STATUS"), "{}", up.stderr);

    // The administrator of all three.
    let body = json!({ "username": "ada", "password": PASSWORD });
    let session = status.at_door("POST", "/backend/users/signIn", None, Some(body)).expect(200).json();
    let token = session["accessToken"].as_str().expect("a token");
    assert_eq!(status.at_door("GET", "/backend/users", Some(token), None).expect(200).json()[0]["authority"], "ADMIN");
    let base = format!("http://127.0.0.1:{}/grafana/api", status.port("grafana"));
    assert_eq!(super::grafana(&format!("{base}/user"), "ada", PASSWORD)["login"], "ada");
    let sources = super::grafana(&format!("{base}/datasources"), "ada", PASSWORD);
    assert_eq!(sources[0]["database"], "statusdata");
    let flows = format!("http://127.0.0.1:{}/auth/token", status.port("nodered"));
    let form = json!({ "client_id": "node-red-admin", "grant_type": "password", "scope": "*", "username": "ada", "password": PASSWORD });
    super::ask("POST", flows, None, Some(form)).expect(200);

    // Database, owner and password; the names of the two databases of MongoDB, and its administrator.
    let url = status.credential("postgres", "url");
    assert!(url.starts_with("postgres://statusowner:statuspass@") && url.ends_with("/statusdata"), "{url}");
    assert_eq!(rows(&url, "SELECT current_user || ' ' || current_database()"), ["statusowner statusdata"]);
    let mongo = status.credential("mongo-registry", "url");
    assert!(mongo.contains("/owndata?"), "{mongo}");
    let host = mongo.split_once('@').and_then(|(_, rest)| rest.split_once('/')).expect("a host").0.to_owned();
    let runtime = crate::support::event_loop();
    let databases = runtime.block_on(async {
        let url = format!("mongodb://root:root@{host}/?authSource=admin&directConnection=true");
        let client = mongodb::Client::with_uri_str(url).await.expect("a client");
        client.list_database_names().await.expect("as the administrator")
    });
    assert!(databases.iter().any(|name| name == "registry" || name == "ownlogs"), "{databases:?}");

    // The environment that services get.
    let env = |service: &str| status.stack.reeve(&["env", service, "--show", "--json"]).expect(0).json()["env"].clone();
    let backend = env("status-backend");
    for (name, value) in [
        ("JWT_SECRET", "secret"),
        ("AI_API_KEY", "your_openai_api_key"),
        ("AI_ORG_ID", "your_openai_org_id"),
        ("GH_CLIENT_ID", "Ov23liexample"),
        ("GH_CLIENT_SECRET", "your_github_client_secret"),
        ("NODE_ENV", "development"),
        ("DB_USER", "statusowner"),
        ("DB_HOST", "127.0.0.1"),
        ("PASS_STATUS", PASSWORD),
    ] {
        assert_eq!(backend[name], value, "{name}");
    }
    assert_eq!(env("nodered")["STATUS_LEDGER_ENDPOINT"], "ledger:80");
    let shown = status.stack.reeve(&["config"]).expect(0).stdout
        + &status.stack.reeve(&["env", "status-backend"]).expect(0).stdout;
    for secret in ["your_openai_api_key", "your_github_client_secret", "statuspass", PASSWORD] {
        assert!(!shown.contains(secret), "{secret} is shown");
    }

    // The word that a failed set-up of the original leaves is no key.
    assert_eq!(status.stack.service("setup")["phase"], "completed");
    assert_eq!(status.kept()["tokens"].as_array().map(Vec::len), Some(1));
    let doctor = status.stack.reeve(&["doctor"]).stdout;
    assert!(doctor.contains("MONGOPASS has a value that everybody knows"), "{doctor}");
    assert!(!doctor.contains("nothing takes"), "{doctor}");
    status.stack.reeve(&["down"]).expect(0);
}
