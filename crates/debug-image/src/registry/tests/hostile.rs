//! Registries that are not honest, or not well.

use super::*;

#[test]
fn redirects_to_where_nobody_should_go() {
    for to in [
        "file:///etc/passwd",
        "http://169.254.169.254/latest/meta-data",
        "http://example.com/blob",
        "gopher://127.0.0.1/",
        "//example.com/blob",
        "",
        "http://[::1",
        "http://127.0.0.1.example.com/",
    ] {
        let server = Server::new(move |_, stream| {
            answer(stream, "302 Found", &format!("Location: {to}\r\n"), b"");
        });
        Place::new().fails(&server, "which is not followed");
        let server = Server::new(move |_, stream| {
            let challenge = format!("WWW-Authenticate: Bearer realm=\"{to}\"\r\n");
            answer(stream, "401 Unauthorized", &challenge, b"");
        });
        Place::new().fails(&server, "which is not followed");
    }
    let server = Server::new(|_, stream| answer(stream, "302 Found", "Location: /round\r\n", b""));
    Place::new().fails(&server, "leads to");
    assert_eq!(server.log.lock().unwrap().len(), 6);
}

#[test]
fn registries_that_stall() {
    let silence = Duration::from_secs(30);
    let server = Server::new(move |_, _| thread::sleep(silence));
    Place::new().fails(&server, "sent nothing for 1 seconds");
    let (envoy, layer) = envoy();
    let name = digest(&layer);
    let half = layer.clone();
    let server = Server::new(move |request, stream| match request.path.ends_with(&name) {
        true => {
            let _ = write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", half.len());
            let _ = stream.write_all(&half[..half.len() / 2]);
            thread::sleep(silence);
        }
        false => serve(&envoy, request, stream),
    });
    let place = Place::new();
    place.fails(&server, "sent nothing for 1 seconds");
    assert_eq!(place.half(), layer.len() / 2, "what came is kept for the next attempt");
    // A byte now and then does not keep anyone waiting for ever.
    let server = Server::new(move |_, stream| {
        let _ = write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n");
        while stream.write_all(b" ").is_ok() {
            thread::sleep(Duration::from_millis(300));
        }
    });
    Place::new().fails(&server, "sends too slowly");
}

#[test]
fn layers_that_trickle_in() {
    let (envoy, layer) = envoy();
    let name = digest(&layer);
    let server = Server::new(move |request, stream| {
        if !request.path.ends_with(&name) {
            return serve(&envoy, request, stream);
        }
        let _ = write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", layer.len());
        for byte in &layer {
            if stream.write_all(&[*byte]).is_err() {
                return;
            }
            thread::sleep(Duration::from_millis(100));
        }
    });
    Place::new().fails(&server, "sends too slowly");
}

#[test]
fn registries_that_lie() {
    let with_blob = |send: fn(&[u8], &Request, &mut TcpStream)| {
        let (envoy, layer) = envoy();
        let name = digest(&layer);
        Server::new(move |request, stream| match request.path.ends_with(&name) {
            true => send(&layer, request, stream),
            false => serve(&envoy, request, stream),
        })
    };
    let lies: [(fn(&[u8], &Request, &mut TcpStream), &str); 6] = [
        (|layer, _, stream| answer(stream, "200 OK", "", &layer[..100]), "should go on with"),
        (
            |layer, _, stream| answer(stream, "200 OK", "", &[layer, b"x"].concat()),
            "should go on with",
        ),
        (
            |layer, _, stream| {
                let _ = write!(stream, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n");
                let _ = stream.write_all(&[layer, &[0; 1000]].concat());
            },
            "does not end there",
        ),
        (
            |layer, request, stream| {
                let body = if request.from == 0 { &layer[..1000] } else { &[] };
                let _ = write!(stream, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n");
                let _ = stream.write_all(body);
            },
            "again and again",
        ),
        (
            |layer, _, stream| {
                let range = "Content-Range: bytes 7-/*\r\n";
                answer(stream, "206 Partial Content", range, layer);
            },
            "it was asked for byte 0 and sends",
        ),
        (
            |layer, _, stream| answer(stream, "200 OK", "", &vec![7; layer.len()]),
            "is not what was asked for",
        ),
    ];
    for (lie, why) in lies {
        Place::new().fails(&with_blob(lie), why);
    }
}

#[test]
fn registries_that_talk_nonsense() {
    let nonsense: [(&str, &str, &[u8], &str); 6] = [
        ("200 OK", "", b"garbage", "the manifest is damaged"),
        ("200 OK", "", br#"{"schemaVersion": 1, "fsLayers": []}"#, "neither an image manifest nor"),
        (
            "200 OK",
            "",
            br#"{"manifests": [{"digest": "sha256:x", "size": 1}]}"#,
            "is no SHA-256 digest",
        ),
        ("500 Internal Server Error", "", b"", "answered 500"),
        ("404 Not Found", "", b"", "has no `envoy:v1`"),
        ("401 Unauthorized", "WWW-Authenticate: Bearer\r\n", b"", "which is not followed"),
    ];
    for (status, headers, body, why) in nonsense {
        let server = Server::new(move |_, stream| answer(stream, status, headers, body));
        Place::new().fails(&server, why);
    }
    let endless = Server::new(|_, stream| {
        let _ = write!(stream, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n");
        while stream.write_all(&vec![b'['; 1 << 16]).is_ok() {}
    });
    Place::new().fails(&endless, "has more than 4194304 bytes");
    let headers = Server::new(|_, stream| {
        let _ = write!(stream, "HTTP/1.1 200 OK\r\n");
        while stream.write_all(b"X-Again: and again\r\n").is_ok() {}
    });
    Place::new().fails(&headers, "cannot be reached");
    let token = Server::new(|_, stream| {
        let bytes = br#"{"token": "two\r\nlines"}"#;
        answer(stream, "200 OK", "", bytes);
    });
    let at = token.address.clone();
    let server = Server::new(move |_, stream| {
        let challenge = format!("WWW-Authenticate: Bearer realm=\"http://{at}/\"\r\n");
        answer(stream, "401 Unauthorized", &challenge, b"");
    });
    Place::new().fails(&server, "what it sends as a token is none");
}

#[test]
fn a_layer_without_room_is_not_begun() {
    let huge = r#"{"layers": [{"digest": "sha256:0000000000000000000000000000000000000000000000000000000000000000", "size": 9223372036854775807}]}"#;
    let server = Server::new(move |_, stream| answer(stream, "200 OK", "", huge.as_bytes()));
    Place::new().fails(&server, "for which the cache has no room");
    assert_eq!(server.count("/blobs/"), 0);
}
