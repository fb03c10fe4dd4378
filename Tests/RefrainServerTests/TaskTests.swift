import Foundation
import Refrain
import RefrainData
import RefrainModels
import RefrainTasks
import RefrainTestSupport
import Synchronization
import Testing

@testable import RefrainServer

@Suite("Tasks over HTTP")
struct TaskTests {
  private static let trained = trainedOnce { _ in try Trained() }

  private struct Trained {
    let forecaster: Forecaster
    let language = tinyLanguage
    let detector: Detector
    let classifier: Classifier

    init() throws {
      var forecast = Forecaster.Configuration()
      try forecast.choose(tinyOptions())
      forecast.horizon = 3
      forecast.context = 12
      let series = DataSource([.bytes(Array(TaskTests.table.utf8), name: "a.csv")])
      forecaster = try Forecaster.train(on: Forecaster.examples(from: series, forecast), forecast, TrainingContext())
      var detect = Detector.Configuration()
      (detect.epochs, detect.hiddenSize, detect.method) = (1, 4, .prediction)
      let channel = ObservedRows.Channel(name: "load", values: (0..<300).map { sin(Double($0) / 5) })
      detector = try Detector.train(on: ObservedRows(channels: [channel]), configuration: detect)
      var classify = Classifier.Configuration()
      try classify.choose(tinyOptions())
      let rows = (0..<40).map { $0 % 2 == 0 ? "good film,yes" : "bad film,no" }.joined(separator: "\n")
      let examples = DataSource([.bytes(Array("text,label\n\(rows)\n".utf8), name: "a.csv")])
      classifier = try Classifier.train(
        on: Classifier.examples(from: examples, classify), classify, TrainingContext())
    }
  }

  private static let table =
    "month,sales\n"
    + (0..<72).map { index in
      "20\(10 + index / 12)-\(index % 12 < 9 ? "0" : "")\(index % 12 + 1),\(100 + index + 10 * (index % 12))\n"
    }.joined()

  private func service() throws -> TestService {
    try TestService([
      "sales": .task(Self.trained.forecaster), "words": .task(Self.trained.language),
      "watch": .task(Self.trained.detector), "reviews": .task(Self.trained.classifier),
      "small": .sequential(smallModel()),
    ])
  }

  /// What `refrain predict --format json` writes.
  private func written<Task: TaskModel>(_ task: Task, _ bytes: [UInt8], name: String) throws -> String {
    let source = DataSource(bytes.isEmpty ? [] : [.bytes(bytes, name: name)])
    return JSON.array(try task.predict(task.examples(from: source)).map { try JSON(encoding: $0) }).text() + "\n"
  }

  @Test("The answers are, byte for byte, those of the command: without data, from a file, and from rows")
  func predict() async throws {
    let test = try service()
    let forecaster = Self.trained.forecaster
    let nothing = try await test.ask("POST", "/tasks/sales/predict")
    #expect(try nothing.text == written(forecaster, [], name: ""), "\(nothing.text)")
    let longer = Self.table + "2016-01,180\n2016-02,190\n"
    let file = try await test.ask(
      "POST", "/tasks/sales/predict", body: Array(longer.utf8), type: "text/csv; charset=utf-8")
    #expect(try file.text == written(forecaster, Array(longer.utf8), name: "x.csv"), "\(file.text)")
    #expect(file.text != nothing.text)
    let json: JSON = ["csv": .text(longer)]
    #expect(try await test.ask("POST", "/tasks/sales/predict", json: json.line).text == file.text)
    let lines = try await test.ask(
      "POST", "/tasks/sales/predict", body: Array(longer.utf8), type: MediaType.csv, accept: MediaType.lines)
    #expect(lines.text.split(separator: "\n").count == 3)

    let rows = "{\"rows\":[{\"text\":\"good film\"},{\"text\":\"a \\\"bad\\\", bad film\"}]}"
    let classes = try await test.ask("POST", "/tasks/reviews/predict", json: rows)
    let csv = Array("text\ngood film\n\"a \"\"bad\"\", bad film\"\n".utf8)
    #expect(try classes.text == written(Self.trained.classifier, csv, name: "x.csv"), "\(classes.text)")
    let array = try await test.ask("POST", "/tasks/reviews/predict", json: "[{\"text\":\"good film\"}]")
    #expect(try array.json.array?.count == 1)
  }

  @Test("Options come in the query and in JSON, and are checked")
  func options() async throws {
    let test = try service()
    let text = try await test.ask("POST", "/tasks/words/predict?prompt=the&length=5&seed=3")
    let json = try await test.ask(
      "POST", "/tasks/words/predict",
      json: "{\"options\":{\"prompt\":\"the\",\"length\":5,\"seed\":3,\"probabilities\":false}}")
    #expect(text.status == 200 && text.text == json.text, "\(text.text) \(json.text)")
    for (body, word) in [
      ("{\"options\":{\"lenght\":5}}", "did you mean 'length'"), ("{\"options\":{\"length\":0}}", "at least 1"),
      ("{\"options\":{\"length\":[1,2]}}", "takes one"), ("{\"options\":{\"length\":{}}}", "is an object"),
      ("{\"text\":\"a\",\"csv\":\"b\"}", "more than one"), ("{\"texts\":\"a\"}", "'texts'"), ("7", "neither"),
      ("{\"rows\":[1]}", "no object"), ("{\"rows\":[{\"a\":[1]}]}", "neither text nor"),
    ] {
      let reply = try await test.ask("POST", "/tasks/words/predict", json: body)
      #expect(reply.status == 400 && reply.problem.contains(word), "\(body): \(reply.text)")
    }
    #expect(try await test.ask("POST", "/tasks/reviews/predict").status == 400)
    #expect(try await test.ask("POST", "/tasks/small/predict").status == 404)
    #expect(try await test.ask("POST", "/tasks/sales/predict", body: [1], type: "image/png").status == 415)
    let garbage = [UInt8](repeating: 0xFE, count: 100)
    for type in TaskRequestBody.files.keys {
      #expect(try await test.ask("POST", "/tasks/sales/predict", body: garbage, type: type).status == 400, "\(type)")
    }
  }

  @Test("Options of the query: flags by words, lists between commas or as arrays, no name twice")
  func queries() async throws {
    let test = try service()
    for (query, isSaid) in [("true", true), ("1", true), ("", true), ("false", false), ("0", false)] {
      let reply = try await test.ask("POST", "/tasks/words/predict?prompt=the&length=3&probabilities=\(query)")
      #expect(reply.status == 200 && reply.text.contains("\"tokens\"") == isSaid, "\(query): \(reply.text)")
    }
    let wrong = try await test.ask("POST", "/tasks/words/predict?prompt=the&probabilities=maybe")
    #expect(wrong.status == 400 && wrong.problem.contains("'maybe'"), "\(wrong.text)")
    #expect(throws: Failure.self) { try String.query("seed=1&seed=2") }
    let listed = try await test.ask("POST", "/tasks/sales/predict?levels=50,90")
    let array = try await test.ask("POST", "/tasks/sales/predict", json: "{\"options\":{\"levels\":[50,90]}}")
    #expect(listed.status == 200 && listed.text == array.text && listed.text.contains("lower90"), "\(array.text)")
    let json = try await test.ask("GET", "/openapi.json").json
    let parameters = json["paths"]["/tasks/{model}/predict"]["post"]["parameters"].array ?? []
    let query = parameters.filter { $0["in"] == "query" }
    #expect(query.contains { $0["name"] == "probabilities" && $0["schema"]["type"] == "boolean" })
    #expect(query.contains { $0["name"] == "levels" } && Set(query.map { $0["name"] }).count == query.count)
  }

  @Test("A form with one file is what the file is, and its fields are options")
  func forms() async throws {
    let test = try service()
    func ask(_ body: String, type: String = "multipart/form-data; boundary=\"x y\"") async throws -> Reply {
      try await test.ask("POST", "/tasks/sales/predict", body: Array(body.utf8), type: type)
    }
    let part =
      "--x y\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a;b.csv\"\r\n"
      + "Content-Type: application/octet-stream\r\n\r\n\(Self.table)\r\n"
    let field = "--x y\r\nContent-Disposition: form-data; name=levels\r\n\r\n50,90\r\n"
    let form = try await ask(part + field + "--x y--\r\n")
    let file = try await test.ask(
      "POST", "/tasks/sales/predict?levels=50,90", body: Array(Self.table.utf8), type: MediaType.csv)
    #expect(form.status == 200 && form.text == file.text, "\(form.text)")
    for (body, word) in [
      (part + part + "--x y--", "more than one"), (part + field + field + "--x y--", "twice"), (part, "before its end"),
      ("--x y\r\n\r\n\r\n--x y--", "no name"), ("nothing", "before its end"),
    ] {
      let reply = try await ask(body)
      #expect(reply.status == 400 && reply.problem.contains(word), "\(body.suffix(60)): \(reply.text)")
    }
    #expect(try await ask(part, type: "multipart/form-data").problem.contains("boundary"))
    let image =
      part.replacing("a;b.csv", with: "a.png")
      .replacing("application/octet-stream", with: "image/png") + "--x y--"
    #expect(try await ask(image).status == 415)
  }

  @Test("Rows without the column of a model are refused: its name is no text, and there is an answer to each row")
  func rows() async throws {
    var classify = Classifier.Configuration()
    try classify.choose(tinyOptions())
    let rows = (0..<60).map { $0 % 2 == 0 ? "a good film of year \($0),yes" : "the bad number \($0),no" }
    let source = DataSource([.bytes(Array("text,label\n\(rows.joined(separator: "\n"))\n".utf8), name: "a.csv")])
    let model = try Classifier.train(on: Classifier.examples(from: source, classify), classify, TrainingContext())
    let test = try TestService(["films": .task(model)])
    let models = try await test.ask("GET", "/models").json["models"].array ?? []
    try #require(models.first?["task"]["input"] == "lines")
    for body in ["[{\"comment\":\"good\"}]", "[{\"text\":\"good\"},{\"comment\":\"bad\"}]", "{\"rows\":[{}]}"] {
      let reply = try await test.ask("POST", "/tasks/films/predict", json: body)
      #expect(reply.status == 400 && reply.problem.contains("has no 'text'"), "\(body): \(reply.text)")
    }
    for body in ["[{\"text\":\"good\"},{\"text\":\"bad\"}]", "[{\"Text\":\"good\"},{\"Text\":\"bad\"}]"] {
      let reply = try await test.ask("POST", "/tasks/films/predict", json: body)
      #expect(try reply.status == 200 && reply.json.array?.count == 2, "\(body): \(reply.text)")
    }
  }

  @Test("What was assumed in reading the data is in the head of the answer, in ASCII")
  func notes() async throws {
    let test = try service()
    // The last row is cut off in the middle of its date.
    let cut = Self.table + "2016-01,180\n2016-0"
    let reply = try await test.ask("POST", "/tasks/sales/predict", body: Array(cut.utf8), type: MediaType.csv)
    let field = try #require(reply.headers[ReadingNotes.header], "\(reply.text)")
    let said = try JSONValue(Array(field.utf8)).array ?? []
    #expect(said.contains { $0.string?.contains("passed over") == true }, "\(field)")
    #expect(try await test.ask("POST", "/tasks/sales/predict").headers[ReadingNotes.header] == nil)
    #expect(ReadingNotes.field([]) == nil)
    #expect(ReadingNotes.field(["a \"b\"", "ü\n😀"]) == #"["a \"b\"","\u00fc\n\ud83d\ude00"]"#)
    let many = try #require(ReadingNotes.field((0..<100).map { "note \($0)" }))
    #expect(many.hasSuffix(",\"80 more of the kind\"]"))
  }

  @Test("A task's metadata say that its network runs on its own numbers")
  func ownNumbers() async throws {
    let test = try service()
    let sales = try await test.ask("GET", "/v2/models/sales").json["parameters"]["tensors"].string
    #expect(sales?.contains("/tasks/sales/predict") == true)
    #expect(try await test.ask("GET", "/v2/models/small").json["parameters"]["tensors"] == .null)
  }

  @Test("A text comes as it is written, and is the text that comes at once")
  func streaming() async throws {
    let test = try service()
    let events = try await test.ask(
      "POST", "/tasks/words/predict", body: Array("{\"options\":{\"prompt\":\"the\",\"length\":20}}".utf8),
      type: MediaType.json, accept: MediaType.events)
    #expect(events.pieces > 5 && events.text.hasSuffix("event: end\ndata: {}\n\n"), "\(events.text)")
    let pieces = try events.text.split(separator: "\n").filter { $0.hasPrefix("data: {\"text\"") }.map {
      try JSONValue(Array($0.dropFirst(6).utf8))["text"].string ?? ""
    }
    let whole = try await test.ask("POST", "/tasks/words/predict?prompt=the&length=20").json
    #expect(pieces.joined() == whole.array?.first?["text"].string)
    let not = try await test.ask("POST", "/tasks/sales/predict", accept: MediaType.events)
    #expect(not.status == 406)
    for option in ["samples=2", "probabilities=true"] {
      let reply = try await test.ask("POST", "/tasks/words/predict?length=3&\(option)", accept: MediaType.events)
      #expect(reply.status == 400 && reply.problem.contains("application/json"), "\(reply.text)")
    }
    #expect(try await test.ask("POST", "/tasks/words/predict?samples=1", accept: MediaType.events).status == 200)
  }

  @Test("A text without end is ended when its time is up, and gives its place back")
  func tooLong() async throws {
    let test = try TestService(["words": .task(Self.trained.language)]) { $0.computingTime = 0.1 }
    let pool = test.service.pool
    // On a thread of its own: tasks wait while others compute.
    let isOver = Mutex(false)
    defer { isOver.withLock { $0 = true } }
    Thread.detachNewThread {
      while !isOver.withLock({ $0 }) {
        pool.sweep()
        Thread.sleep(forTimeInterval: 0.005)
      }
    }
    let reply = try await test.ask("POST", "/tasks/words/predict?length=1000000")
    #expect(reply.status == 503 && reply.problem.contains("the most that one may take"), "\(reply.text)")
    while pool.load.running > 0 { try await Task.sleep(for: .milliseconds(1)) }
  }

  @Test("No task goes on to answer when nobody waits for it")
  func canceled() async throws {
    func expectEnd(_ body: @escaping @Sendable () throws -> Void) async {
      let task = Task {
        while !Task.isCancelled { await Task.yield() }
        try body()
      }
      task.cancel()
      await #expect(throws: TaskError.self) { try await task.value }
    }
    let trained = Self.trained
    await expectEnd { _ = try trained.forecaster.predict([]) }
    await expectEnd { _ = try trained.language.predict(LanguageExamples(prompts: ["the"])) }
    let rows = ObservedRows(channels: [.init(name: "load", values: [1, 2, 3])])
    await expectEnd { _ = try trained.detector.predict(Detector.Examples([rows])) }
    let texts = try trained.classifier.examples(
      from: DataSource([.bytes(Array("text\ngood film\n".utf8), name: "a.csv")]))
    await expectEnd { _ = try trained.classifier.predict(texts) }
  }

  @Test("A detector's session judges rows as they come, and goes on from where it was")
  func detector() async throws {
    let test = try service()
    let id = try await test.session("watch")
    var stream = Self.trained.detector.stream()
    let values: [Double] = (0..<6).map { $0 == 4 ? 40 : sin(Double($0)) }
    let expected = try values.map { try JSONValue(Array(JSON(encoding: stream.push([$0])).line.utf8)) }
    let first = try await test.ask("POST", "/sessions/\(id)/steps", json: "{\"inputs\":\(values[..<3].map { [$0] })}")
    #expect(try first.json["outputs"].array == Array(expected[..<3]), "\(first.text)")
    let state = try await test.ask("GET", "/sessions/\(id)/state").bytes
    let csv = "load\n" + values[3...].map { "\($0)\n" }.joined()
    let rest = try await test.ask("POST", "/sessions/\(id)/steps", body: Array(csv.utf8), type: MediaType.csv)
    #expect(try rest.json["outputs"].array == Array(expected[3...]), "\(rest.text)")
    let other = try await test.session("watch")
    #expect(try await test.ask("PUT", "/sessions/\(other)/state", body: state, type: MediaType.bytes).status == 200)
    let again = try await test.ask(
      "POST", "/sessions/\(other)/steps", json: "{\"inputs\":\(values[3...].map { [$0] })}")
    #expect(try again.json["outputs"] == rest.json["outputs"])
    for body in ["{\"input\":[1,2]}", "{\"input\":\"x\"}", "{\"inputs\":[]}", "{\"inputs\":[[{}]]}"] {
      #expect(try await test.ask("POST", "/sessions/\(id)/steps", json: body).status == 400)
    }
    #expect(try await test.ask("POST", "/sessions", json: "{\"model\":\"sales\"}").problem.contains("whole files"))
  }

  @Test("No path in a request is opened, neither as an option nor in a table")
  func files() async throws {
    try withTemporaryFolder { folder in
      let path = folder + "/secret.wav"
      try Data("RIFF".utf8).write(to: URL(filePath: path))
      try FileAccess.$allowed.withValue([]) { () throws in
        #expect(throws: DataError.self) { try readFile(path) }
        #expect(throws: DataError.self) { try SafeTensorsFile(contentsOf: path) }
      }
      let bytes = try FileAccess.$allowed.withValue([path]) { try readFile(path) }
      #expect(bytes == Array("RIFF".utf8))
    }
    let pool = ComputePool(places: 1, longestQueue: 1, patience: 10)
    await #expect(throws: DataError.self) { try await pool.run { try readFile("/etc/hostname") } }
    let test = try service()
    let reply = try await test.ask(
      "POST", "/tasks/watch/predict", json: "{\"csv\":\"load\\n1\\n\",\"options\":{\"labels\":\"/etc/passwd\"}}")
    #expect(reply.status == 400 && reply.problem.contains("no option 'labels'"))
    for model in test.service.shelf.models {
      #expect(model.task?.options.contains { $0.valueName == "file" } != true)
    }
  }

  /// A classifier of low and high tones, in a table of recordings.
  private static func listener() throws -> Classifier {
    var trained: Classifier?
    try withTemporaryFolder { folder in
      var table = "sound,label\n"
      for number in 0..<30 {
        let path = folder + "/\(number).wav"
        try tone(number % 2 == 0 ? 300 : 2000).write(to: path)
        table += "\(path),\(number % 2 == 0 ? "low" : "high")\n"
      }
      var classify = Classifier.Configuration()
      try classify.choose(tinyOptions())
      let source = DataSource([.bytes(Array(table.utf8), name: "a.csv")])
      trained = try Classifier.train(on: Classifier.examples(from: source, classify), classify, TrainingContext())
    }
    return try #require(trained)
  }

  private static func tone(_ frequency: Double) -> Recording {
    Recording((0..<2400).map { Float(sin(Double($0) * frequency * 2 * .pi / 8000) / 2) }, sampleRate: 8000)
  }

  @Test("A recording alone is a row to a model of recordings, and others say that they read none")
  func recordings() async throws {
    let test = try TestService(["tones": .task(Self.listener()), "sales": .task(Self.trained.forecaster)])
    let wav = try Self.tone(300).wav()
    let reply = try await test.ask("POST", "/tasks/tones/predict", body: wav, type: "audio/wav")
    #expect(try reply.status == 200 && reply.json.array?.count == 1, "\(reply.text)")
    // What is wrong with it is said without the path that the server gave it.
    let broken = try await test.ask("POST", "/tasks/tones/predict", body: Array(wav[..<20]), type: "audio/wav")
    #expect(broken.status == 400 && broken.problem.contains("recording.wav"), "\(broken.text)")
    #expect(!broken.text.contains(FileManager.default.temporaryDirectory.path), "\(broken.text)")
    let other = try await test.ask("POST", "/tasks/sales/predict", body: wav, type: "audio/wav")
    #expect(other.status == 400 && other.problem.contains("reads no recordings"), "\(other.text)")
    let models = try await test.ask("GET", "/models").json["models"].array ?? []
    #expect(models.map { $0["task"]["input"].string } == ["table", "recording"])
    let answers = TaskAnswers([["audio": .text("/tmp/a \"b\".wav"), "text": .text("x")]])
    #expect(answers.replacing("/tmp/a \"b\".wav", with: "it").lines == "{\"audio\":\"it\",\"text\":\"x\"}\n")
  }

  @Test("A model of numbers has something to explain, and does")
  func numbers() async throws {
    var options = Regressor.Configuration()
    try options.choose(tinyOptions())
    let rows = (0..<40).map { "\($0 % 7),\(Double($0 % 7) * 2 + 1)" }.joined(separator: "\n")
    let source = DataSource([.bytes(Array("size,price\n\(rows)\n".utf8), name: "a.csv")])
    let model = try Regressor.train(on: Regressor.examples(from: source, options), options, TrainingContext())
    let test = try TestService(["prices": .task(model)])
    let models = try await test.ask("GET", "/models").json["models"].array ?? []
    #expect(models.first?["task"]["explains"] == true)
    let reply = try await test.ask("POST", "/tasks/prices/explain", json: "[{\"size\":3}]")
    #expect(reply.status == 200 && reply.text.contains("price above its mean"), "\(reply.text.prefix(300))")
  }

  @Test("Models say what may be asked of them")
  func description() async throws {
    let models = try await service().ask("GET", "/models").json["models"].array ?? []
    let words = models.first { $0["name"] == "words" }
    #expect(words?["task"]["streams"] == true && words?["session"]["kind"] == "text")
    #expect(words?["task"]["options"].array?.contains { $0["name"] == "prompt" } == true)
    #expect(words?["task"]["input"] == "lines" && words?["task"]["explains"] == true)
    let reviews = models.first { $0["name"] == "reviews" }
    // Of two texts each row has one: they are read as categories.
    #expect(reviews?["task"]["input"] == "table" && reviews?["task"]["columns"].array == ["text"])
    #expect(models.first { $0["name"] == "small" }?["session"]["input"] == "3 numbers")
    #expect(models.first { $0["name"] == "watch" }?["session"]["kind"] == "rows")
  }
}
