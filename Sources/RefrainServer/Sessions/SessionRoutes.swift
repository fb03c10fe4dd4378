import HTTPTypes
import RefrainData

extension Service {
  private static let wrong = [400, 404, 409, 413, 415, 429]
  private static let gatesParameter = Route.Parameter(
    name: "gates", summary: "Whether the gates of the last step are told.", type: "boolean")
  private static let outputs = Route.Content(type: MediaType.json, schema: "Outputs")
  private static let session = Route.Content(type: MediaType.json, schema: "Session")
  private static let snapshotName = Route.Content(type: MediaType.json, schema: "SnapshotName")

  /// The routes of sessions.
  var sessionRoutes: [Route] {
    [
      Route(
        method: "POST", path: "/sessions", name: "createSession",
        summary: "Begins a stream through a model. The server keeps what it remembers.", tag: "Sessions",
        reading: .whole, takes: [Route.Content(type: MediaType.json, schema: "SessionBeginning")],
        gives: [Self.session], status: 201, failures: Self.wrong
      ) { call, _, body in try self.createSession(call, body) },
      Route(
        method: "GET", path: "/sessions", name: "listSessions",
        summary:
          "The sessions in memory, those used last first, at most 1,000: where tokens are asked for, those of the "
          + "token that asks.", tag: "Sessions",
        gives: [Route.Content(type: MediaType.json, schema: "SessionList")]
      ) { call, _, _ in self.listSessions(for: call.owner) },
      Route(
        method: "GET", path: "/sessions/{id}", name: "peekSession",
        summary: "Where the session stands, what it said last, and its snapshots; takes no step.", tag: "Sessions",
        gives: [Self.session], failures: Self.wrong
      ) { call, names, _ in
        try await self.sessions.use(names["id"] ?? "", for: call.owner) {
          Answer($0.description + "\n", type: MediaType.json)
        }
      },
      Route(
        method: "GET", path: "/sessions/{id}/next", name: "foresee",
        summary:
          "What is likely to come next: the likeliest tokens of a text, or the frames that follow; takes no step.",
        tag: "Sessions",
        query: [
          Route.Parameter(name: "top", summary: "How many tokens (text).", type: "integer"),
          Route.Parameter(name: "steps", summary: "How many frames (frames).", type: "integer"),
        ],
        gives: [Route.Content(type: MediaType.json, schema: "Foreseen"), Route.Content(type: MediaType.bytes)],
        failures: Self.wrong
      ) { call, names, _ in try await self.foresee(call, names) },
      Route(
        method: "POST", path: "/sessions/{id}/generate", name: "generate",
        summary:
          "Goes on with a text from here, as it is written or all at once; what is written is part of the session.",
        tag: "Sessions", query: Self.writing, reading: .whole,
        takes: [Route.Content(type: MediaType.json, schema: "Writing")],
        gives: [Route.Content(type: MediaType.json, schema: "Written"), Route.Content(type: MediaType.events)],
        failures: Self.wrong
      ) { call, names, body in try await self.generate(call, names, body) },
      Route(
        method: "DELETE", path: "/sessions/{id}", name: "closeSession",
        summary: "Ends the session; its state is forgotten, on disk too.", tag: "Sessions", status: 204,
        failures: [404]
      ) { call, names, _ in
        try self.sessions.end(names["id"] ?? "", for: call.owner)
        return Answer(status: 204)
      },
      Route(
        method: "POST", path: "/sessions/{id}/steps", name: "push",
        summary: "Takes one or more steps, in the order in which requests come, and gives an output for each; of a "
          + "recording for all of them.",
        tag: "Sessions", query: [Self.gatesParameter], reading: .whole,
        takes: [
          Route.Content(type: MediaType.json, schema: "Steps"), Route.Content(type: MediaType.bytes),
          Route.Content(type: MediaType.csv), Route.Content(type: MediaType.text),
        ],
        gives: [Self.outputs, Route.Content(type: MediaType.bytes)],
        failures: Self.wrong, isBrief: true
      ) { call, names, body in try await self.push(call, names, body) },
      Route(
        method: "POST", path: "/sessions/{id}/stream", name: "pushStream",
        summary: "Takes steps as they come in a body that may last, and gives each output at once: floats in bytes, or "
          + "a line of JSON for each.",
        tag: "Sessions", query: [Self.gatesParameter], reading: .pieces,
        takes: [Route.Content(type: MediaType.lines), Route.Content(type: MediaType.bytes)],
        gives: [
          Route.Content(type: MediaType.lines), Route.Content(type: MediaType.bytes),
          Route.Content(type: MediaType.events),
        ],
        failures: Self.wrong
      ) { call, names, _ in try await self.pushStream(call, names) },
      Route(
        method: "GET", path: "/sessions/{id}/stream", name: "openSocket",
        summary: "Goes on as a WebSocket: a text is an object of the schema Steps, or a step alone, and is answered "
          + "with a text of the schema Outputs, or of Failure with a status; bytes are floats, and answered so.",
        tag: "Sessions", query: [Self.gatesParameter],
        headers: [
          Route.Parameter(
            name: "Sec-WebSocket-Protocol",
            summary: "refrain, and where a token cannot be sent as Authorization, bearer. and the token in base64url.")
        ],
        gives: [Self.outputs], status: 101, failures: [400, 404, 409, 426, 429], isBrief: true, isSocket: true
      ) { call, names, _ in try await self.openSocket(call, names) },
      Route(
        method: "POST", path: "/sessions/{id}/snapshots", name: "takeSnapshot",
        summary: "Keeps the state as it is now, to go back to.", tag: "Sessions", gives: [Self.snapshotName],
        status: 201, failures: Self.wrong
      ) { call, names, _ in
        try await self.sessions.use(names["id"] ?? "", for: call.owner) { session in
          let snapshot = try session.takeSnapshot()
          self.meters.count(.snapshots)
          return Answer(
            status: 201, "{\"snapshot\":\(jsonText(snapshot.name)),\"steps\":\(snapshot.steps)}\n",
            type: MediaType.json)
        }
      },
      Route(
        method: "DELETE", path: "/sessions/{id}/snapshots/{snapshot}", name: "dropSnapshot",
        summary: "Forgets a snapshot.", tag: "Sessions", status: 204, failures: [404]
      ) { call, names, _ in
        try await self.sessions.use(names["id"] ?? "", for: call.owner) { session in
          try session.drop(names["snapshot"] ?? "")
          return Answer(status: 204)
        }
      },
      Route(
        method: "POST", path: "/sessions/{id}/restore", name: "restoreSnapshot",
        summary: "Goes back to a snapshot, which stays.", tag: "Sessions", reading: .whole, takes: [Self.snapshotName],
        gives: [Self.session], failures: Self.wrong
      ) { call, names, body in
        let json = try SessionBody.json(body, type: call.contentType)
        guard let name = try SessionBody.snapshot(json) else {
          throw Failure(400, "say which snapshot to go back to: {\"snapshot\": \"1\"}")
        }
        return try await self.sessions.use(names["id"] ?? "", for: call.owner) { session in
          session.restore(try session.snapshot(name))
          return Answer(session.description + "\n", type: MediaType.json)
        }
      },
      Route(
        method: "POST", path: "/sessions/{id}/fork", name: "forkSession",
        summary: "Begins another session that goes on from here, or from a snapshot.", tag: "Sessions", reading: .whole,
        takes: [Self.snapshotName], gives: [Self.session], status: 201, failures: Self.wrong
      ) { call, names, body in
        let json = try SessionBody.json(body, type: call.contentType)
        let name = try SessionBody.snapshot(json)
        return try await self.sessions.use(names["id"] ?? "", for: call.owner) { session in
          let snapshot = try name.map { (name) throws(Failure) in try session.snapshot(name) }
          let start = snapshot.map { ($0.state, $0.last, $0.steps) }
          let fork = try self.sessions.begin(
            session.model, owner: call.owner, from: start ?? (session.box.state, session.box.last, session.box.steps))
          return self.created(fork)
        }
      },
      Route(
        method: "GET", path: "/sessions/{id}/state", name: "downloadState",
        summary: "The state as the bytes of a file, for another server with the same model.", tag: "Sessions",
        gives: [Route.Content(type: MediaType.bytes)], failures: [404, 429]
      ) { call, names, _ in
        try await self.sessions.use(names["id"] ?? "", for: call.owner) { session in
          Answer(
            try SessionFolder.bytes(session, session.box.state, steps: session.box.steps, last: session.box.last),
            type: MediaType.bytes)
        }
      },
      Route(
        method: "PUT", path: "/sessions/{id}/state", name: "uploadState",
        summary: "Goes on from a state that was downloaded.", tag: "Sessions", reading: .whole,
        takes: [Route.Content(type: MediaType.bytes)], gives: [Self.session], failures: Self.wrong
      ) { call, names, body in
        try await self.sessions.use(names["id"] ?? "", for: call.owner) { session in
          let read = try await self.reading(body) { try SessionFolder.state(body, of: session.model) }
          (session.box.state, session.box.last, session.box.steps) = (read.state, read.last, read.note.steps)
          return Answer(session.description + "\n", type: MediaType.json)
        }
      },
      Route(
        method: "POST", path: "/sessions/{id}/save", name: "saveSession",
        summary: "Writes the state to the server's disk, where a server that is started again finds it.",
        tag: "Sessions", gives: [Self.session], failures: [404, 409, 429, 507]
      ) { call, names, _ in
        try await self.sessions.use(names["id"] ?? "", for: call.owner) { session in
          try self.sessions.save(session)
          return Answer(session.description + "\n", type: MediaType.json)
        }
      },
    ]
  }

  private func createSession(_ call: Call, _ body: [UInt8]) throws -> Answer {
    let json = try SessionBody.json(body, type: call.contentType)
    try SessionBody.check(json, knows: ["model"])
    // A single model needs no name.
    let name = json["model"].string ?? (json["model"] == .null && shelf.models.count == 1 ? shelf.models[0].name : nil)
    return created(try sessions.begin(shelf.model(name), owner: call.owner))
  }

  private func created(_ session: Session) -> Answer {
    var answer = Answer(status: 201, session.description + "\n", type: MediaType.json)
    answer.headers[.location] = "/sessions/" + session.id
    return answer
  }

  private func listSessions(for asking: String?) -> Answer {
    let counts = sessions.list(atMost: 1000, for: asking)
    // The state may be in use, so that only what never changes is told.
    let list = counts.sessions.map {
      "{\"id\":\"\($0.id)\",\"model\":\(jsonText($0.model.name)),\"idleSeconds\":\($0.idleTime)}"
    }
    return Answer(
      "{\"live\":\(counts.live),\"stored\":\(counts.stored),\"sessions\":[\(list.joined(separator: ","))]}\n",
      type: MediaType.json)
  }

  private func push(_ call: Call, _ names: [String: String], _ body: [UInt8]) async throws -> Answer {
    let seesGates = try Self.flag(call, "gates")
    let type = call.contentType
    let wantsBytes = call.accepted(among: [MediaType.bytes, MediaType.json]).map { $0 == MediaType.bytes }
    let said = try await push(
      body, type: type, to: names["id"] ?? "", for: call.owner, wantsBytes: wantsBytes ?? (type == MediaType.bytes),
      seesGates: seesGates)
    switch said {
    case .bytes(let bytes): return Answer(bytes, type: MediaType.bytes)
    case .text(let text): return Answer(text + "\n", type: MediaType.json)
    }
  }

  /// What is said to steps: bytes where they are wanted and say all that there is to say, else an object of JSON.
  func push(
    _ body: [UInt8], type: String, to id: String, for asking: String?, wantsBytes: Bool, seesGates: Bool
  ) async throws -> WebSocketReply.Content {
    try await sessions.use(id, for: asking) { session in
      let steps = try await self.reading(body) { try session.live.steps(body, type: type) }
      let (output, taken) = try await self.taken(steps, by: session, seesGates: seesGates)
      @Sendable func content() -> WebSocketReply.Content {
        if wantsBytes, !seesGates, let bytes = output.bytes { return .bytes(bytes) }
        var text = "{\"steps\":\(taken),\"outputs\":\(output.json)"
        if seesGates { text += ",\"gates\":" + output.gatesJSON }
        return .text(text + "}")
      }
      // A long one is not written on the thread on which all others wait.
      return steps.count > Self.fewSteps ? await ThreadExecutor.steps.run(content) : content()
    }
  }

  private static let fewSteps = 256

  /// Has a session take steps. Where a stream ends with them, what is said of all of it is the answer, and the session
  /// begins anew.
  ///
  /// - Returns: what is said, and how many steps of the stream were taken.
  func taken(
    _ steps: LiveSteps, by session: Session, seesGates: Bool
  ) async throws -> (output: LiveOutput, steps: Int) {
    let (box, live) = (session.box, session.live)
    let output = try await live.take(steps, box, seesGates: seesGates)
    let count = box.steps
    guard steps.ends, let work = live.ending(box.state) else { return (output, count) }
    let last: LiveOutput
    do { last = try await pool.run(work) } catch {
      // What is wrong with the stream can be said also where the head of the answer has gone.
      let failure = Failure(throwing: error)
      throw failure.status == 500 ? error : failure
    }
    (box.state, box.steps, box.last) = (live.begin(), 0, last)
    return (last, count)
  }

  /// What is likely to come next.
  private func foresee(_ call: Call, _ names: [String: String]) async throws -> Answer {
    let (work, steps) = try await sessions.use(names["id"] ?? "", for: call.owner) { session in
      (try session.live.foreseeing(session.box.state, call.query), session.box.steps)
    }
    // From the state as it was: others need not wait for it.
    let output = try await pool.run(work)
    if call.accepted(among: [MediaType.bytes, MediaType.json]) == MediaType.bytes, let bytes = output.bytes {
      return Answer(bytes, type: MediaType.bytes)
    }
    return Answer("{\"steps\":\(steps),\"next\":\(output.json)}\n", type: MediaType.json)
  }

  /// Whether a parameter of the query is `true`.
  ///
  /// - Throws: 400 for another word than `true` and `false`.
  static func flag(_ call: Call, _ name: String) throws(Failure) -> Bool {
    switch call.query[name] {
    case nil, "false", "0": return false
    case "true", "1", "": return true
    case let text?: throw Failure(400, "the parameter \(name) is true or false, not \(text.quoted)")
    }
  }
}

extension LiveOutput {
  /// The gates as an array of JSON.
  var gatesJSON: String {
    "["
      + gates.map { gate in
        var text = "{\"layer\":\(gate.layer),\"name\":\(jsonText(gate.name)),\"values\":"
        text.append(jsonNumbers: gate.values[...])
        return text + "}"
      }.joined(separator: ",") + "]"
  }
}
