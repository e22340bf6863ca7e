//! The OpenAPI document and its page.

use super::harness::Backend;

#[test]
fn the_document_is_served_where_the_original_had_it_and_a_page_shows_it() {
    let backend = Backend::start();
    let document = backend.send(backend.request("GET", "/api-docs")).expect(200).json();
    assert_eq!((&document["openapi"], &document["info"]["title"]), (&"3.0.0".into(), &"STATUS API".into()));
    assert_eq!(document["servers"][0]["url"], "/api/v1");
    assert!(document["paths"]["/scopes/{id}"]["put"]["responses"]["401"].is_object());
    let page = backend.send(backend.request("GET", "/docs")).expect(200);
    assert!(page.text.contains("swagger-ui"), "{}", page.text);
    assert!(page.headers["content-type"].to_str().unwrap().starts_with("text/html"));
    let script = backend.send(backend.request("GET", "/docs/swagger-initializer.js")).expect(200);
    assert!(script.text.contains("/api-docs"), "{}", script.text);
    backend.send(backend.request("GET", "/docs/nothing.js")).expect(404);
}
