import HTTPTypes
import RefrainData
import RefrainFoundation
import RefrainTasks

extension Service {
  /// What may stand in the query: the options of the tasks that are served, each once.
  private var taskQuery: [Route.Parameter] {
    var parameters: [Route.Parameter] = []
    for option in shelf.models.compactMap(\.task).flatMap(\.options)
    where !parameters.contains(where: { $0.name == option.name }) {
      let tasks = shelf.models.compactMap(\.task).filter { task in task.options.contains { $0.name == option.name } }
      let names = Set(tasks.map(\.name)).sorted().joined(separator: ", ")
      parameters.append(
        Route.Parameter(
          name: option.name, summary: "\(option.help) (\(names))", type: option.kind == "flag" ? "boolean" : "string"))
    }
    return parameters
  }

  /// The routes of tasks.
  var taskRoutes: [Route] {
    let query = taskQuery
    return [
      Route(
        method: "POST", path: "/tasks/{model}/predict", name: "predict",
        summary: "Answers as `refrain predict` does: the same fields, the same text. What was mended or assumed "
          + "in reading the data is in X-Refrain-Notes, an array of texts.",
        tag: "Tasks", query: query,
        headers: [
          Route.Parameter(
            name: "Accept",
            summary: "`application/json` gives an array, `application/x-ndjson` a line for each answer, "
              + "`text/event-stream` a text as it is written; and of the frames that follow a clip `image/gif` and "
              + "`application/x-npy` these themselves.")
        ],
        reading: .whole,
        takes: [Route.Content(type: MediaType.json, schema: "TaskRequest")]
          + TaskRequestBody.types.map { Route.Content(type: $0) },
        gives: [
          Route.Content(type: MediaType.json, schema: "TaskAnswers"), Route.Content(type: MediaType.lines),
          Route.Content(type: MediaType.events), Route.Content(type: MediaType.npy), Route.Content(type: MediaType.gif),
        ],
        failures: [400, 404, 406, 413, 415, 503]
      ) { call, names, body in try await self.predict(call, names, body) },
      Route(
        method: "POST", path: "/tasks/{model}/explain", name: "explain",
        summary: "What the model looked at for the first answer, and what its gates did: a page, or JSON.",
        tag: "Tasks", query: query,
        reading: .whole,
        takes: [Route.Content(type: MediaType.json, schema: "TaskRequest")]
          + TaskRequestBody.types.map { Route.Content(type: $0) },
        gives: [Route.Content(type: "text/html"), Route.Content(type: MediaType.json)],
        failures: [400, 404, 413, 415, 503]
      ) { call, names, body in try await self.explain(call, names, body) },
    ]
  }

  /// The task of a model, and what is asked of it.
  private func request(
    _ call: Call, _ names: [String: String], _ body: [UInt8]
  ) async throws -> (TaskDoor, TaskRequestBody) {
    let model = try shelf.model(names["model"])
    guard let task = model.task else {
      throw Failure(404, "the model \(model.name.quoted) is of no task; ask it at /v2/models/\(model.name)/infer")
    }
    var request = try await reading(body) { try TaskRequestBody(call, body) }
    request.options = try task.checked(request.options)
    try task.check(rows: request.rowNames)
    request.settleKind(for: task.input)
    let readsFrames = task.input.frameShape != nil
    func refuses(_ what: String, _ status: Int) -> Failure {
      Failure(status, "the model \(model.name.quoted) is of the task \(task.name) and reads no \(what)")
    }
    if request.kind == .recording, task.input.description.kind != "recording" { throw refuses("recordings", 400) }
    if request.kind == .frames, !readsFrames { throw refuses("image or clip alone", 415) }
    if readsFrames, request.kind == .text, request.data != nil, request.arrays.isEmpty {
      throw Failure(
        400,
        "the model \(model.name.quoted) reads images or clips, and a request may not name files; send one as the body, or "
          + "clips in JSON")
    }
    if !request.arrays.isEmpty {
      let known = Set(task.frameColumns.map { $0.lowercased() })
      if let other = request.arrayColumns.sorted().first(where: { !known.contains($0.lowercased()) }) {
        throw refuses("image or clip in \(other.quoted)", 400)
      }
      if request.data == nil, !readsFrames { throw refuses("image or clip alone", 400) }
      if case .files(.frames(_, areStill: true), _) = task.input,
        let place = request.arrays.firstIndex(where: { $0.frames > 1 })
      {
        throw Failure(
          400,
          "clip \(place + 1) has \(request.arrays[place].frames) frames, and the model reads images: send each frame as a "
            + "clip of its own")
      }
    }
    return (task, request)
  }

  private func explain(_ call: Call, _ names: [String: String], _ body: [UInt8]) async throws -> Answer {
    let (task, request) = try await request(call, names, body)
    guard request.files.isEmpty else { throw Failure(400, "recordings, images and clips are not explained here") }
    let source = DataSource(request.data.map { [.bytes($0.bytes, name: $0.name)] } ?? [])
    let options = request.options
    guard source.parts.count == 1 || task.answersWithoutData,
      let explained = try await pool.run({ try task.explain(source, options) })
    else {
      throw Failure(400, "a model of the task \(task.name) has nothing to explain here")
    }
    let isJSON = call.accepted(among: [MediaType.json, "text/html"]) == MediaType.json
    var answer =
      isJSON ? Answer(explained.json, type: MediaType.json) : Answer(explained.page, type: MediaType.html)
    answer.headers[ReadingNotes.header] = ReadingNotes.field(explained.notes)
    if isJSON { return answer }
    answer.headers[.contentSecurityPolicy] = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'"
    return answer
  }

  private func predict(_ call: Call, _ names: [String: String], _ body: [UInt8]) async throws -> Answer {
    let (task, request) = try await request(call, names, body)
    if call.accepted(among: [MediaType.events]) != nil { return try await stream(task, request) }
    guard request.data != nil || !request.arrays.isEmpty || task.answersWithoutData else {
      throw Failure(400, "the task \(task.name) needs data: text, csv, rows or clips in JSON, or a file as the body")
    }
    let options = request.options
    let types = [MediaType.npy, MediaType.bytes, MediaType.gif, MediaType.json, MediaType.lines]
    if let write = task.write, let type = call.accepted(among: types),
      ![MediaType.json, MediaType.lines].contains(type)
    {
      let name = type == MediaType.gif ? "answer.gif" : "answer.npy"
      let bytes = try await pool.run(request, task, writing: name) { source, folder in
        try write(source, options, folder + name)
        return try readFile(folder + name)
      }
      return Answer(bytes, type: type)
    }
    let answers = try await pool.run(request, task) { source, folder in
      let answers = try task.predict(source, options)
      return folder.isEmpty ? answers : answers.replacing(folder, with: "")
    }
    let wantsLines = call.accepted(among: [MediaType.lines, MediaType.json]) == MediaType.lines
    var answer =
      wantsLines ? Answer(answers.lines, type: MediaType.lines) : Answer(answers.array, type: MediaType.json)
    answer.headers[ReadingNotes.header] = ReadingNotes.field(answers.notes)
    return answer
  }

  /// A text as it is written: an event `text` for each piece, and one `end`.
  private func stream(_ task: TaskDoor, _ request: TaskRequestBody) async throws -> Answer {
    guard let start = task.stream else {
      throw Failure(406, "the task \(task.name) writes no text piece by piece; ask for application/json")
    }
    guard request.data == nil else {
      throw Failure(400, "a text that is written goes on from the option prompt, and data were given")
    }
    let options = request.options
    // One text is written, and no numbers beside it.
    for name in ["samples", "probabilities"] where options[name].map({ $0 != ["1"] }) == true {
      throw Failure(400, "a text that comes as it is written has no \(name.quoted); ask for application/json")
    }
    let pool = pool
    // The prompt is read before anything is answered, so that what is wrong with it can still be said.
    let first = try await pool.run { WrittenText(try start(options)) }
    return Answer(type: MediaType.events) { writer in
      var text = first
      while true {
        let before = text
        let (piece, after) = try await pool.run { before.next() }
        guard let piece else { break }
        text = after
        let json: JSON = ["text": .text(piece)]
        try await writer.write("event: text\ndata: \(json.line)\n\n")
      }
      try await writer.write("event: end\ndata: {}\n\n")
    }
  }
}

/// A text on its way: a value, handed from piece to piece.
private struct WrittenText: @unchecked Sendable {
  // The stream is a value and is only ever held by one at a time.
  private var stream: LanguageStream

  init(_ stream: LanguageStream) { self.stream = stream }

  /// As much as is written in a moment, and the rest; nil at the end.
  func next() -> (String?, WrittenText) {
    var copy = self
    return (copy.stream.next(), copy)
  }
}

extension ComputePool {
  /// Does something with what a request brought. Recordings, images and clips are put into files of the server's own
  /// naming, which alone may be read.
  ///
  /// - Parameters:
  ///   - written: the name of a file that is written among them.
  ///   - body: given the data and where the files lie, a folder that is gone afterwards; an empty text where there are
  ///     none.
  fileprivate func run<Result: Sendable>(
    _ request: TaskRequestBody, _ task: TaskDoor, writing written: String? = nil,
    _ body: @escaping @Sendable (_ source: DataSource, _ folder: String) throws -> Result
  ) async throws -> Result {
    let files = request.files
    guard !files.isEmpty || written != nil else {
      let source = DataSource(request.data.map { [.bytes($0.bytes, name: $0.name)] } ?? [])
      return try await run { try body(source, "") }
    }
    let folder = FileManager.default.temporaryDirectory.appending(path: "refrain-\(UUID().uuidString)").path + "/"
    try FileManager.default.createDirectory(
      atPath: folder, withIntermediateDirectories: false, attributes: [.posixPermissions: 0o700])
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let names = files.map(\.name)
    let table = request.kind == .text ? request.data : nil
    // Nobody is told where the server put it.
    do {
      return try await run(files: Set((names + [written].compactMap(\.self)).map { folder + $0 })) {
        for file in files { try writeAtomically(file.bytes, to: folder + file.name) }
        let source =
          try table.map { DataSource([.bytes($0.bytes, name: folder + "request.csv")]) }
          ?? task.source(of: names, in: folder)
        return try body(source, folder)
      }
    } catch {
      var failure = Failure(throwing: error)
      guard failure.status != 500 else { throw error }
      failure.message = failure.message.replacing(folder, with: "")
      throw failure
    }
  }
}
