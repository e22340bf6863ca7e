//! What a script may expect in Node.js: its configuration, modules, results of every kind, a clean environment.

use serde_json::{Value, json};

use super::harness::{Director, Scripts};

#[test]
fn results_are_the_engine_s_own_json() {
    let director = Director::start();
    for (main, text) in [
        ("c => c", r#"{"agreementId":123127,"b":1.5}"#),
        ("() => ({ d: new Date(0), n: NaN, u: undefined })", r#"{"d":"1970-01-01T00:00:00.000Z","n":null}"#),
        ("() => [1e21, 'é\\u2028']", "[1e+21,\"é\u{2028}\"]"),
        ("() => 'str'", "\"str\""),
        ("() => 5", "5"),
        ("() => true", "true"),
        ("() => null", "null"),
        ("() => {}", "null"),
        ("async () => (await new Promise(d => setTimeout(() => d([]), 5)))", "[]"),
    ] {
        let answer =
            director.test(&format!("module.exports.main = {main}"), json!({ "agreementId": 123_127, "b": 1.5 }));
        assert_eq!(answer.expect(200).text, text, "{main}");
    }
    for main in
        ["() => { const a = {}; a.a = a; return a }", "() => 1n", "() => { throw 1 }", "() => Promise.reject(null)"]
    {
        director.test(&format!("exports.main = {main}"), json!(1)).expect(500);
    }
    for script in
        ["", "exports.other = 1", "module.exports = null", "exports.main = 'text'", "}{", "throw new Error('oh')"]
    {
        let body = director.test(script, json!(1)).expect(500).json();
        assert_eq!(body["code"], 500, "{script}: {body}");
    }
    let call = |body: Value| director.call("POST", "/test", Some(&body));
    for body in [json!({}), json!({ "scriptText": 5 }), json!([]), json!(null)] {
        call(body).expect(500);
    }
    // No configuration is undefined.
    assert_eq!(call(json!({ "scriptText": "exports.main = c => typeof c" })).expect(200).text, "\"undefined\"");
}

#[test]
fn scripts_are_sloppy_fresh_and_have_node_s_modules() {
    let director = Director::start();
    director.write("node_modules/installed/index.js", "module.exports = 'from node_modules'");
    director.write("local.js", "module.exports = 'local'");
    let script = "count = (typeof count === 'undefined' ? 0 : count) + 1;
        const fs = require('fs'), path = require('path');
        module.exports.main = () => [count, fs.existsSync('tasks'), path.basename(__filename) !== '', __dirname === process.cwd(),
            require('installed'), require('./local.js')]";
    for _ in 0..2 {
        let answer = director.test(script, json!(1)).expect(200).text;
        assert_eq!(answer, r#"[1,true,true,true,"from node_modules","local"]"#);
    }
    // A script may rewrite the tasks of others.
    let script = "exports.main = () => require('fs').writeFileSync('tasks/made.json', JSON.stringify({ id: 'made' }))";
    assert_eq!(director.test(script, json!(1)).expect(200).text, "null");
    director.get("/made").expect(200);
}

#[test]
fn the_director_s_environment_is_not_the_script_s() {
    let director = Director::with(&[
        ("GOV_LOG_MONGODB_URI", "mongodb://root:hidden@127.0.0.1:1/statuslogs"),
        ("SENDGRID_API_KEY", "for scripts"),
        ("OTHER_SECRET", "hidden"),
        ("DIRECTOR_SCRIPT_ENV", "SENDGRID_API_KEY"),
    ]);
    let seen = director.test("exports.main = () => process.env", json!(1)).expect(200).json();
    assert_eq!(seen["SENDGRID_API_KEY"], "for scripts");
    assert_eq!((&seen["NODE_ENV"], &seen["TZ"]), (&json!("test"), &json!("UTC")));
    assert!(!seen.to_string().contains("hidden"), "{seen}");
    // Neither configuration nor script is in the arguments.
    let script = "exports.main = c => process.argv.concat(process.execArgv).join() + c.secret.length";
    let seen = director.test(script, json!({ "secret": "sesame" })).expect(200).text;
    assert!(!seen.contains("sesame") && !seen.contains("exports.main"), "{seen}");
    assert!(!director.log().contains("hidden"));
}

#[test]
fn what_scripts_print_is_in_the_log_and_never_in_the_result() {
    let director = Director::start();
    let script = "exports.main = () => { console.log('R00000002{}'); console.error('\\u001b[31mbad'); process.stdout.write('no end'); return 1 }";
    assert_eq!(director.test(script, json!(1)).expect(200).text, "1");
    for line in ["R00000002{}", "[31mbad", "no end"] {
        assert!(director.await_log(line).contains("task=\"test\""));
    }
    assert!(!director.log().contains("\u{1b}[31mbad"));
}

#[test]
fn the_stand_in_for_axios_speaks_http() {
    let scripts = Scripts::start();
    let url = scripts.put("data.json", r#"{"n":1}"#);
    let director = Director::start();
    let script = r#"
        const axios = require('axios');
        exports.main = async (url) => {
            const got = await axios.get(url, { params: { a: [1, 2], b: 'x y' }, headers: { 'x-own': 'yes' } });
            const posted = await axios.post(url, { p: 1 }).catch((error) => error);
            const missing = await axios({ url: url + '.none' }).catch((error) => error);
            const own = axios.create({ baseURL: url.replace('/data.json', '') });
            const away = await axios.get('http://127.0.0.1:9', { timeout: 1000 }).catch((error) => error);
            return {
                status: got.status, data: got.data,
                posted: [posted.isAxiosError, posted.response.status],
                missing: [missing.message, missing.response.status, missing.code],
                base: (await own.request({ url: 'data.json', method: 'get' })).data,
                away: [away.isAxiosError, away.response === undefined],
                plain: await axios.get(url, { validateStatus: null, responseType: 'text' }).then((r) => r.data),
            };
        }"#;
    let answer = director.test(script, json!(url)).expect(200).json();
    assert_eq!(
        answer,
        json!({
            "status": 200, "data": { "n": 1 }, "posted": [true, 405],
            "missing": ["Request failed with status code 404", 404, "ERR_BAD_REQUEST"],
            "base": { "n": 1 }, "away": [true, true], "plain": "{\"n\":1}",
        })
    );
    let asked = scripts.server.asked();
    assert_eq!((asked[0].query.as_str(), asked[0].header("x-own")), ("a%5B%5D=1&a%5B%5D=2&b=x+y", Some("yes")));
    assert_eq!((asked[1].header("content-type"), asked[1].json()), (Some("application/json"), json!({ "p": 1 })));
}

#[test]
fn an_installed_module_goes_before_our_stand_in() {
    let director = Director::start();
    director.write("node_modules/axios/index.js", "module.exports = { real: true }");
    let answer = director.test("exports.main = () => require('axios')", json!(1)).expect(200);
    assert_eq!(answer.text, r#"{"real":true}"#);
    let message = director.test("require('moment')", json!(1)).expect(500).json();
    assert!(message["message"].as_str().unwrap().contains("Cannot find module 'moment'"), "{message}");
    director.write("node_modules/broken/index.js", "require('absent')");
    let message = director.test("require('broken')", json!(1)).expect(500).json();
    assert!(message["message"].as_str().unwrap().contains("'absent'"), "{message}");
}

#[test]
fn the_stand_in_for_commons_knows_the_infrastructure() {
    let scripts = Scripts::start();
    scripts.put("api/x", r#"{"from":"registry"}"#);
    let director = Director::prepared(&[("GOV_INFRASTRUCTURE", "./infra.yaml"), ("REGISTRY", &scripts.server.url())]);
    director.write("infra.yaml", "internal:\n  registry:\n    default: standard\n    standard: $_[REGISTRY]\n");
    let mut director = director;
    director.launch();
    let script = r#"
        const governify = require('governify-commons');
        exports.main = async () => {
            governify.getLogger().tag('mine').info('logged', 1);
            const answer = await governify.infrastructure.getService('internal.registry').get('/api/x');
            let unknown;
            try { governify.infrastructure.getServiceURL('internal.none') } catch (error) { unknown = error.message }
            return [governify.infrastructure.getServiceURL('internal.registry'), answer.data, unknown,
                (await governify.httpClient.get(answer.config.url)).status];
        }"#;
    let answer = director.test(script, json!(1)).expect(200).json();
    assert_eq!(answer[0], scripts.server.url());
    assert_eq!((&answer[1], &answer[3]), (&json!({ "from": "registry" }), &json!(200)));
    assert!(answer[2].as_str().unwrap().contains("internal.none"));
    director.await_log("[mine] logged 1");
}

#[test]
fn a_script_is_fetched_within_limits() {
    let scripts = Scripts::start();
    let director = Director::with(&[("DIRECTOR_FETCH_TIMEOUT", "1"), ("DIRECTOR_RUNNER", "embedded")]);
    let large = scripts.put("large.js", &"//".repeat(1_100_000));
    let hang = scripts.put("hang.js", "");
    scripts.server.always("hang.js", crate::doubles::server::Trouble::Hang);
    let none = format!("{}/none.js", scripts.server.url());
    for (script, told) in [
        (json!(large), "larger"),
        (json!(hang), "cannot be fetched"),
        (json!(none), "404"),
        (json!("test.js"), "no http"),
        (json!("file:///etc/passwd"), "no http"),
        (json!("http://127.0.0.1:1/x.js"), "cannot be fetched"),
        (json!(null), "no script"),
        (json!(5), "no script"),
    ] {
        let id = director.create(&json!({ "script": script, "told": told })).json()["id"].clone();
        let body = director.call("POST", &format!("/{}/run", id.as_str().unwrap()), None).expect(500).json();
        assert!(body["message"].as_str().unwrap().contains(told), "{told}: {body}");
    }
}

#[test]
fn running_of_sent_scripts_can_be_switched_off() {
    let director = Director::with(&[("DIRECTOR_TEST", "false")]);
    director.test("exports.main = c => c", json!(1)).expect(403);
}
