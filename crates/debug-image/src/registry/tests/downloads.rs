//! Registries that are honest, and connections that break.

use super::*;

#[test]
fn an_image_is_downloaded_once() {
    let (envoy, _) = envoy();
    let manifest = envoy.manifest.clone();
    let server = Server::new(move |request, stream| serve(&envoy, request, stream));
    let place = Place::new();
    assert_eq!(place.find(&server).unwrap().paths.len(), 1);
    assert_eq!((server.count("/blobs/"), server.count("/manifests/")), (2, 1));
    assert_eq!(place.half(), 0, "the layers are gone");
    // The tag is asked for again, in case it was moved; the layers are not.
    let found = place.find(&server).unwrap();
    assert!(!found.was_read && found.paths.len() == 1);
    assert_eq!((server.count("/blobs/"), server.count("/manifests/")), (2, 2));
    // A digest cannot be moved.
    let name = format!("{}/envoy:v1@{}", server.address, digest(&manifest));
    assert!(!place.find_named(&name, None).unwrap().was_read);
    assert_eq!(server.log.lock().unwrap().len(), 4);
}

#[test]
fn a_platform_is_picked_from_an_index() {
    let (amd, _) = envoy();
    let arm = image(&[b"not for this machine".to_vec()]);
    let list = index(&[(&arm, "arm64"), (&amd, "amd64")]);
    let server =
        Server::new(move |request, stream| match request.path.ends_with("/manifests/v1") {
            true => answer(stream, "200 OK", "", &list),
            false => serve(&amd, request, stream),
        });
    assert_eq!(Place::new().find(&server).unwrap().paths.len(), 1);
}

#[test]
fn a_broken_download_goes_on() {
    let (envoy, layer) = envoy();
    let name = digest(&layer);
    let len = layer.len();
    let sent = Arc::new(Mutex::new(0));
    let counted = Arc::clone(&sent);
    let server = Server::new(move |request, stream| {
        let Some(part) = request.path.ends_with(&name).then_some(&layer) else {
            return serve(&envoy, request, stream);
        };
        // A tenth at a time, whatever was announced.
        let rest = &part[request.from..];
        let piece = &rest[..rest.len().min(part.len() / 10)];
        let (from, len) = (request.from, rest.len());
        let _ = write!(
            stream,
            "HTTP/1.1 206 Partial Content\r\nContent-Range: bytes {from}-/*\r\nContent-Length: {len}\r\n\r\n"
        );
        let _ = stream.write_all(piece);
        *counted.lock().unwrap() += piece.len();
    });
    let place = Place::new();
    let found = place.find(&server).unwrap();
    assert_eq!(found.paths.len(), 1);
    assert_eq!(*sent.lock().unwrap(), len, "each byte is sent once");
}

#[test]
fn what_an_earlier_run_left_is_used_and_checked() {
    let (envoy, layer) = envoy();
    let copy = Image { blobs: envoy.blobs.clone(), manifest: envoy.manifest.clone() };
    let server = Server::new(move |request, stream| serve(&copy, request, stream));
    let place = Place::new();
    let mut half = place.cache.download(&digest(&layer)).unwrap();
    half.write_all(&layer[..layer.len() / 2]).unwrap();
    drop(half);
    assert_eq!(place.find(&server).unwrap().paths.len(), 1);
    let from = |server: &Server| {
        let log = server.log.lock().unwrap();
        log.iter().map(|request| request.from).filter(|from| *from > 0).collect::<Vec<_>>()
    };
    assert_eq!(from(&server), [layer.len() / 2]);

    // What was left is not what it should be, or too much.
    for left in [vec![7; layer.len() / 3], vec![7; layer.len() * 2], vec![7; layer.len()]] {
        let place = Place::new();
        place.cache.download(&digest(&layer)).unwrap().write_all(&left).unwrap();
        assert_eq!(place.find(&server).unwrap().paths.len(), 1, "{}", left.len());
    }

    // A registry that cannot begin in the middle.
    let whole = layer.clone();
    let server = Server::new(move |request, stream| {
        let request = Request { from: 0, ..request.clone() };
        serve(&envoy, &request, stream);
    });
    let place = Place::new();
    place.cache.download(&digest(&layer)).unwrap().write_all(&whole[..1000]).unwrap();
    assert_eq!(place.find(&server).unwrap().paths.len(), 1);
}

#[test]
fn passwords_go_where_they_belong() {
    // A store of blobs, and a service for tokens, on other ports.
    let (envoy, _) = envoy();
    let parts = Image { blobs: envoy.blobs.clone(), manifest: envoy.manifest.clone() };
    let store = Server::new(move |request, stream| serve(&parts, request, stream));
    let tokens = Server::new(|request, stream| {
        let is_user = request.authorization.as_deref() == Some(&format!("Basic {PASSWORD}"));
        match is_user && request.path.contains("scope=repository%3Aenvoy%3Apull") {
            true => answer(stream, "200 OK", "", br#"{"token": "for-envoy"}"#),
            false => answer(stream, "401 Unauthorized", "", b""),
        }
    });
    let (store_at, tokens_at) = (store.address.clone(), tokens.address.clone());
    let server = Server::new(move |request, stream| {
        if request.authorization.as_deref() != Some("Bearer for-envoy") {
            let challenge = format!(
                "WWW-Authenticate: Bearer realm=\"http://{tokens_at}/token\",service=\"test\"\r\n"
            );
            return answer(stream, "401 Unauthorized", &challenge, b"");
        }
        if request.path.contains("/blobs/") {
            let to = format!("Location: http://{store_at}{}\r\n", request.path);
            return answer(stream, "307 Temporary Redirect", &to, b"");
        }
        serve(&envoy, request, stream);
    });
    let place = Place::new();
    assert_eq!(place.find(&server).unwrap().paths.len(), 1);
    assert_eq!(tokens.log.lock().unwrap().len(), 1);
    let log = store.log.lock().unwrap();
    assert!(log.len() == 2 && log.iter().all(|request| request.authorization.is_none()), "{log:?}");
    drop(log);
    // Without a password the token is refused.
    let name = format!("{}/envoy:v1", server.address);
    let error = Place::new().find_named(&name, None).unwrap_err().to_string();
    assert!(error.contains("refuses access to `envoy` without a password"), "{error}");
}

#[test]
fn a_password_is_for_one_registry() {
    let (envoy, _) = envoy();
    let server = Server::new(move |request, stream| {
        if request.authorization.as_deref() == Some(&format!("Basic {PASSWORD}")) {
            return serve(&envoy, request, stream);
        }
        let challenge = "WWW-Authenticate: Basic realm=\"x\"\r\n";
        answer(stream, "401 Unauthorized", challenge, b"");
    });
    assert_eq!(Place::new().find(&server).unwrap().paths.len(), 1);
    let name = format!("{}/envoy:v1", server.address);
    assert!(Place::new().find_named(&name, None).is_err());
    assert!(Place::new().find_named(&name, Some("d3Jvbmc6d3Jvbmc=")).is_err());
}
