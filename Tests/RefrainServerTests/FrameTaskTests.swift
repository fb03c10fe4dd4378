import Foundation
import Refrain
import RefrainData
import RefrainModels
import RefrainTasks
import RefrainTestSupport
import Testing

@testable import RefrainServer

/// Images and clips in requests.
@Suite("Images and clips over HTTP") struct FrameTaskTests {
  private static let trained = trainedOnce { try Trained($0) }

  private struct Trained {
    /// Of a table that names images, and a number beside them.
    let pictures: Classifier
    let both: Classifier
    /// Of a folder of clips.
    let clips: Classifier
    let frames: FramePredictor

    init(_ folder: String) throws {
      var (table, wide) = ("picture,label\n", "picture,size,label\n")
      for number in 0..<40 {
        try FrameTaskTests.clip(1, number).png(frame: 0).write(to: "\(folder)/\(number).png")
        table += "\(number).png,\(number % 2 == 0 ? "left" : "right")\n"
        wide += "\(number).png,\(number * 7 % 11),\(number % 2 == 0 ? "left" : "right")\n"
        let own = "\(folder)/clips/\(number % 2 == 0 ? "left" : "right")"
        try FileManager.default.createDirectory(atPath: own, withIntermediateDirectories: true)
        try Clip.npy([FrameTaskTests.clip(3, number)]).write(to: "\(own)/\(number).npy")
      }
      try Array(table.utf8).write(to: folder + "/a.csv")
      try Array(wide.utf8).write(to: folder + "/b.csv")
      func classifier(_ path: String) throws -> Classifier {
        var configuration = Classifier.Configuration()
        try configuration.choose(tinyOptions(hidden: 4, epochs: 1))
        let source = DataSource(paths: [folder + path])
        return try Classifier.train(
          on: Classifier.examples(from: source, configuration), configuration, TrainingContext())
      }
      (pictures, both, clips) = try (classifier("/a.csv"), classifier("/b.csv"), classifier("/clips"))
      var foresee = FrameConfiguration()
      (foresee.context, foresee.horizon, foresee.hidden, foresee.layers, foresee.epochs) = (3, 2, 4, 1, 1)
      try Clip.npy((0..<12).map { FrameTaskTests.clip(6, $0) }).write(to: folder + "/train.npy")
      let source = DataSource(paths: [folder + "/train.npy"])
      frames = try FramePredictor.train(
        on: FramePredictor.examples(from: source, foresee), foresee, TrainingContext())
    }
  }

  /// Frames of 8 rows and 6 columns, whose left or right half is light.
  private static func clip(_ count: Int, _ number: Int) -> Clip {
    let values = (0..<count * 48).map { place in
      let isLight = (place % 6 < 3) == (number % 2 == 0)
      return UInt8((isLight ? 200 : 20) + (place * 7 + number * 13) % 50)
    }
    return Clip(values: values, rows: 8, columns: 6, channels: 1)
  }

  private func service() throws -> TestService {
    try TestService([
      "pictures": .task(Self.trained.pictures), "both": .task(Self.trained.both), "clips": .task(Self.trained.clips),
      "next": .task(Self.trained.frames), "small": .sequential(smallModel()),
    ])
  }

  /// What `refrain predict --format json` writes of files.
  private func written<Task: TaskModel>(_ task: Task, _ files: [(String, [UInt8])], table: String? = nil) throws
    -> String
  {
    var text = ""
    try withTemporaryFolder { folder in
      for (name, bytes) in files { try bytes.write(to: folder + "/" + name) }
      if let table { try Array(table.utf8).write(to: folder + "/request.csv") }
      let paths = table == nil ? files.map { folder + "/" + $0.0 } : [folder + "/request.csv"]
      let answers = try task.predict(task.examples(from: DataSource(paths: paths)))
      text = JSON.array(try answers.map { try JSON(encoding: $0) }).text().replacing(folder + "/", with: "") + "\n"
    }
    return text
  }

  /// The values as arrays in each other: `[T, rows, columns]`, or of an image `[rows, columns]`.
  private func nested(_ clip: Clip) -> String {
    let frames = (0..<clip.count).map { number in
      let frame = Array(clip.frame(number))
      return (0..<clip.rows).map { row in Array(frame[row * clip.columns..<(row + 1) * clip.columns]) }
    }
    return clip.count == 1 ? "\(frames[0])" : "\(frames)"
  }

  @Test("An image as PNG, as an array, in a form and in JSON has the answer of the command, byte for byte")
  func images() async throws {
    let test = try service()
    let clip = Self.clip(1, 3)
    let (png, npy) = try (clip.png(frame: 0), Clip.npy([clip]))
    let expected = try written(Self.trained.pictures, [("x.png", png)], table: "picture\nx.png\n")
    let path = "/tasks/pictures/predict"
    for (body, type) in [
      (png, "image/png"), (npy, "application/x-npy"), (npy, MediaType.bytes), (png, MediaType.bytes),
      (Array("{\"clips\":[\(nested(clip))]}".utf8), MediaType.json),
      (Array("[{\"picture\":\(nested(clip))}]".utf8), MediaType.json),
    ] {
      let reply = try await test.ask("POST", path, body: body, type: type)
      #expect(reply.status == 200 && reply.text == expected, "\(type): \(reply.text)")
    }
    let head = "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"7.PNG\"\r\n\r\n"
    let form = try await test.ask(
      "POST", path, body: Array(head.utf8) + png + Array("\r\n--b--\r\n".utf8), type: "multipart/form-data; boundary=b")
    #expect(form.text == expected, "\(form.text)")
    // Values from 0 to 1 are the same image.
    let shares = "\(clip.values.map { Double($0) / 255 })".dropFirst().dropLast().split(separator: ", ")
    let rows = (0..<8).map { "[\(shares[$0 * 6..<$0 * 6 + 6].joined(separator: ","))]" }.joined(separator: ",")
    let unit = try await test.ask("POST", path, json: "{\"clips\":[[\(rows)]]}")
    #expect(unit.text == expected, "\(unit.text)")
    // So it is as one frame of one channel.
    let values = clip.values
    let deep = (0..<8).map { row in (0..<6).map { [values[row * 6 + $0]] } }
    let framed = try await test.ask("POST", "/tasks/pictures/predict", json: "{\"clips\":[[\(deep)]]}")
    #expect(framed.text == expected, "\(framed.text)")
  }

  @Test("A file of several images has an answer for each, and so have several arrays and rows with other columns")
  func several() async throws {
    let test = try service()
    // IDX: bytes, three axes.
    let all = (0..<3).map { Self.clip(1, $0) }
    let idx: [UInt8] = [0, 0, 8, 3, 0, 0, 0, 3, 0, 0, 0, 8, 0, 0, 0, 6] + all.flatMap(\.values)
    let expected = try written(
      Self.trained.pictures, [("x.idx", idx)], table: "picture\nx.idx#0\nx.idx#1\nx.idx#2\n")
    let reply = try await test.ask("POST", "/tasks/pictures/predict", body: idx, type: MediaType.bytes)
    #expect(reply.status == 200 && reply.text == expected, "\(reply.text)")
    let arrays = "{\"clips\":[\(all.map(nested).joined(separator: ","))]}"
    #expect(try await test.ask("POST", "/tasks/pictures/predict", json: arrays).text == expected)
    let rows = "[{\"picture\":\(nested(all[1])),\"size\":4},{\"size\":9,\"picture\":\(nested(all[2]))}]"
    let both = try await test.ask("POST", "/tasks/both/predict", json: rows)
    let files = try all.enumerated().map { ("\($0).npy", try Clip.npy([$1])) }
    let wide = try written(Self.trained.both, files, table: "picture,size\n1.npy,4\n2.npy,9\n")
    #expect(both.status == 200 && both.text == wide, "\(both.text)")
  }

  @Test("A clip is classified and foreseen; what follows comes as numbers of JSON, as GIF and as an array")
  func clips() async throws {
    let test = try service()
    let clip = Self.clip(3, 5)
    let npy = try Clip.npy([clip])
    let reply = try await test.ask("POST", "/tasks/clips/predict", body: npy, type: MediaType.bytes)
    #expect(try reply.text == written(Self.trained.clips, [("clip.npy", npy)]), "\(reply.text)")
    #expect(
      try await test.ask("POST", "/tasks/clips/predict", json: "{\"clips\":[\(nested(clip))]}").text == reply.text)

    let next = try await test.ask("POST", "/tasks/next/predict", body: npy, type: MediaType.npy)
    #expect(try next.text == written(Self.trained.frames, [("clip.npy", npy)]), "\(next.text)")
    let answer = try next.json.array?.first
    #expect(answer?["clip"] == "clip.npy" && answer?["frames"] == 2 && answer?["columns"] == 6)
    let array = try await test.ask(
      "POST", "/tasks/next/predict?steps=4", body: npy, type: MediaType.npy, accept: MediaType.npy)
    #expect(array.status == 200 && array.headers[.contentType] == MediaType.npy, "\(array.text.prefix(200))")
    let frames = Self.trained.frames.next(4, after: clip)
    #expect(try array.bytes == Clip.npy([frames]))
    let gif = try await test.ask(
      "POST", "/tasks/next/predict", body: npy, type: MediaType.npy, accept: "image/gif, application/json")
    #expect(gif.status == 200 && gif.bytes.starts(with: Array("GIF89a".utf8)))
    // Only frames are files.
    let classes = try await test.ask(
      "POST", "/tasks/clips/predict", body: npy, type: MediaType.npy, accept: "image/gif")
    #expect(classes.text == reply.text)
  }

  @Test("Frames are foreseen from those that came last, as the task foresees them")
  func frames() async throws {
    let test = try service()
    let id = try await test.session("next")
    #expect(try await test.ask("GET", "/sessions/\(id)/next").status == 400)
    let clip = Self.clip(5, 2)
    let values = clip.tensor.values
    let first = try await test.ask(
      "POST", "/sessions/\(id)/steps", body: bytes(of: Array(values[..<96])), type: MediaType.bytes)
    #expect(try first.json["outputs"] == [["seen": 1], ["seen": 2]], "\(first.text)")
    let rows = (2..<5).map { Array(values[$0 * 48..<$0 * 48 + 48]) }
    let more = try await test.ask("POST", "/sessions/\(id)/steps", json: "{\"inputs\":\(rows)}")
    #expect(try more.json["steps"] == 5 && more.json["outputs"].array?.last == ["seen": 3], "\(more.text)")
    #expect(try await test.ask("GET", "/metrics").text.contains("refrain_steps_total{model=\"next\"} 5\n"))
    let expected = Self.trained.frames.next(4, after: clip).tensor.values
    let next = try await test.ask("GET", "/sessions/\(id)/next?steps=4", accept: MediaType.bytes)
    #expect(floats(of: next.bytes) == expected)
    let json = try await test.ask("GET", "/sessions/\(id)/next").json
    #expect(json["next"].array?.count == 2 && floats(json["next"].array?.first) == Array(expected[..<48]))
    let state = try await test.ask("GET", "/sessions/\(id)/state").bytes
    let other = try await test.session("next")
    #expect(try await test.ask("PUT", "/sessions/\(other)/state", body: state, type: MediaType.bytes).status == 200)
    #expect(try await test.ask("GET", "/sessions/\(other)/next?steps=4", accept: MediaType.bytes).bytes == next.bytes)
    for (target, body) in [
      ("steps", "{\"input\":[1,2]}"), ("steps", "{\"inputs\":\([[Float](repeating: 2, count: 48)])}"),
    ] {
      #expect(try await test.ask("POST", "/sessions/\(id)/\(target)", json: body).status == 400, "\(body)")
    }
    #expect(try await test.ask("GET", "/sessions/\(id)/next?steps=x").status == 400)
  }

  @Test("What is no image, is read by no model, or names a file is refused in one line without a path of the server")
  func refusals() async throws {
    let test = try service()
    let png = Self.clip(1, 0).png(frame: 0)
    for (target, body, type, status, word) in [
      ("pictures", Array("hello".utf8), "image/png", 400, "nothing else is read"),
      ("pictures", Array(png[..<40]), "image/png", 400, "clip.png"), ("pictures", [], "image/png", 400, "needs data"),
      ("pictures", Array("picture\n/etc/hostname\n".utf8), MediaType.csv, 400, "may not name files"),
      ("pictures", Array("[{\"picture\":\"/etc/hostname\"}]".utf8), MediaType.json, 400, "may not name files"),
      ("both", Array("[{\"picture\":\"/etc/hostname\",\"size\":1}]".utf8), MediaType.json, 400, "may not name files"),
      ("next", Array("a\n".utf8), "text/plain", 400, "may not name files"),
      ("pictures", Array("{\"clips\":[[[1,2],[3]]]}".utf8), MediaType.json, 400, "all of one length"),
      ("pictures", Array("{\"clips\":[[[1,\"a\"]]]}".utf8), MediaType.json, 400, "'clip'"),
      ("pictures", Array("{\"clips\":[[1,2]]}".utf8), MediaType.json, 400, "[rows, columns]"),
      ("pictures", Array("{\"clips\":[[[[[[1]]]]]]}".utf8), MediaType.json, 400, "[rows, columns]"),
      ("pictures", Array("{\"clips\":[[[[[1,2],[3,4]]]]]}".utf8), MediaType.json, 400, "[rows, columns]"),
      ("next", Array("{\"clips\":[[[[[1,2,3,4]]]]]}".utf8), MediaType.json, 400, "[rows, columns]"),
      (
        "pictures", Array("{\"clips\":[[[1]],\(nested(Self.clip(3, 0)))]}".utf8), MediaType.json, 400,
        "clip 2 has 3 frames"
      ),
      ("pictures", Array("{\"clips\":[[[-4]]]}".utf8), MediaType.json, 400, "0 to 255"),
      ("pictures", Array("{\"clips\":[[[1]]],\"text\":\"a\"}".utf8), MediaType.json, 400, "more than one"),
      ("pictures", Array("{\"clips\":[]}".utf8), MediaType.json, 400, "needs data"),
      ("both", Array("{\"clips\":[[[1]]]}".utf8), MediaType.json, 400, "reads no image"),
      ("both", png, "image/png", 415, "image"),
      ("both", Array("[{\"picture\":[[1]],\"size\":[[1]]}]".utf8), MediaType.json, 400, "'size'"),
      ("pictures", png, "image/webp", 415, "image/png"),
      ("pictures", Array("RIFF".utf8), "audio/wav", 400, "no recordings"),
    ] as [(String, [UInt8], String, Int, String)] {
      let reply = try await test.ask("POST", "/tasks/\(target)/predict", body: body, type: type)
      let shown = "\(target), \(type), \(String(decoding: body.prefix(60), as: UTF8.self)): \(reply.text)"
      #expect(reply.status == status && reply.problem.contains(word), "\(shown)")
      #expect(!reply.problem.contains(FileManager.default.temporaryDirectory.path), "\(shown)")
    }
    let explained = try await test.ask("POST", "/tasks/pictures/explain", body: png, type: "image/png")
    #expect(explained.status == 400 && explained.problem.contains("not explained"), "\(explained.text)")
  }

  @Test("Models say what frames they take")
  func description() async throws {
    let test = try service()
    let models = try await test.ask("GET", "/models").json["models"].array ?? []
    func task(_ name: String) -> JSONValue? { models.first { $0["name"].string == name }?["task"] }
    #expect(task("pictures")?["input"] == "images" && task("pictures")?["explains"] == false)
    #expect(task("pictures")?["frame"] == ["rows": 8, "columns": 6, "channels": 1])
    #expect(task("clips")?["input"] == "clips" && task("next")?["input"] == "clips")
    #expect(task("next")?["writes"] == ["application/x-npy", "image/gif"] && task("clips")?["writes"] == [])
    #expect(models.first { $0["name"].string == "next" }?["session"]["kind"] == "frames")
    #expect(task("both")?["input"] == "table" && task("both")?["frame"] == .null)
    let page = try await test.ask("GET", "/").text
    for word in [
      "id=\"drawing\"", "onpointerdown", "pad.hasPointerCapture", "touch-action: none", "onkeydown",
      "clips: [pixels()]",
      "event: error",
    ] {
      #expect(page.contains(word), "\(word)")
    }
  }
}

extension [UInt8] {
  fileprivate func write(to path: String) throws { try writeAtomically(self, to: path) }
}
