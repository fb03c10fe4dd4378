import HTTPTypes
import RefrainData
import RefrainTasks

/// A trained task whose type is not known: what a request may ask of it.
struct TaskDoor: Sendable {
  /// What may be asked besides the data.
  struct Option: Sendable {
    let name: String
    /// `flag`, `value` or `values`.
    let kind: String
    let valueName: String
    let help: String

    /// Whether its value is a list between commas.
    var isList: Bool { kind == "value" && valueName.contains(",") }
  }

  /// What a task reads.
  enum Input: Equatable {
    /// Rows of a table with a header; the columns by their names, where they are known.
    case table(columns: [String])
    /// A line of text each, or rows of a table with these columns.
    case lines(columns: [String])
    /// Recordings, images or clips, each a file; they are rows of a table where a column is named.
    case files(InputForm.Files, column: String?)

    /// For the page: the kind, and the names of columns.
    var description: (kind: String, columns: [String]) {
      switch self {
      case .table(let columns): ("table", columns)
      case .lines(let columns): ("lines", columns)
      case .files(.recordings, _): ("recording", [])
      case .files(.frames(_, let areStill), _): (areStill ? "images" : "clips", [])
      }
    }

    /// The rows, columns and channels that frames are brought to; nil where none are read.
    var frameShape: [Int]? { if case .files(.frames(let shape, _), _) = self { shape } else { nil } }
  }

  /// The task's name, such as `forecast`.
  let name: String
  /// What it does.
  let purpose: String
  /// What may be asked besides the data. What takes the name of a file is not among them.
  let options: [Option]
  /// Whether it has something to say without being given any data.
  let answersWithoutData: Bool
  /// What it reads.
  let input: Input
  /// The columns of a table that name images and clips, which an array may stand in the place of.
  let frameColumns: [String]
  /// Whether there is something to explain of its answers, to whom sends no file.
  let explains: Bool
  /// The answers, each an object of JSON as `refrain predict` writes it.
  let predict: @Sendable (DataSource, [String: [String]]) throws -> TaskAnswers
  /// Writes answers that are files to what a path names by its ending; nil for a task whose answers are none.
  let write: (@Sendable (DataSource, [String: [String]], _ path: String) throws -> Void)?
  /// What the first answer was made of: a page, and JSON; nil where there is nothing to explain.
  let explain: @Sendable (DataSource, [String: [String]]) throws -> Explained?
  /// A text in pieces as they are found; nil for a task that writes none.
  let stream: (@Sendable ([String: [String]]) throws -> LanguageStream)?

  /// A task that was trained.
  init(_ task: any TaskModel) { self = Self.door(task) }

  private static func door<Task: TaskModel>(_ task: Task) -> TaskDoor { TaskDoor(of: task) }

  private init<Task: TaskModel>(of task: Task) {
    name = Task.name
    purpose = Task.purpose
    options = Task.Request.options.filter { $0.valueName != "file" }.map { option in
      let kind =
        switch option.kind {
        case .flag: "flag"
        case .value: "value"
        case .values: "values"
        }
      return Option(name: option.name, kind: kind, valueName: option.valueName, help: option.help)
    }
    answersWithoutData = task is LanguageModel || task is Forecaster
    let form = Self.form(of: task)
    input = Self.input(of: task, form)
    frameColumns = form?.frameColumns ?? []
    if case .files = input { explains = false } else { explains = true }
    predict = { (source: DataSource, given: [String: [String]]) throws -> TaskAnswers in
      let request = try Task.Request(given)
      let examples = try task.examples(from: source, request)
      let answers = try task.predict(examples, request)
      var texts: [JSON] = []
      for answer in answers { texts.append(try JSON(encoding: answer)) }
      return TaskAnswers(texts, notes: Task.notes(of: examples))
    }
    write = Self.writer(of: task)
    explain = { (source: DataSource, given: [String: [String]]) throws -> Explained? in
      let request = try Task.Request(given)
      let all = try task.examples(from: source, request)
      let examples = try task.explained(all, request, .first(1))
      guard let first = examples.first else { return nil }
      let explanation = first.explanation(of: 0, from: 0, points: 50)
      let page = ExplanationPage(
        title: "What the model looked at", subtitle: Task.name, explanations: [explanation])
      return Explained(
        page: page.text, json: JSON.array([explanation.json()]).text() + "\n", notes: Task.notes(of: all))
    }
    stream = Self.stream(of: task)
  }

  private static func form(of task: some TaskModel) -> InputForm? {
    (task as? Classifier)?.form ?? (task as? Regressor)?.form ?? (task as? FramePredictor)?.form
  }

  private static func input(of task: some TaskModel, _ form: InputForm?) -> Input {
    if let form {
      if let files = form.files { return .files(files, column: form.fileColumn) }
      return form.readsLines ? .lines(columns: form.columns) : .table(columns: form.columns)
    }
    switch task {
    case is Forecaster, is Detector: return .table(columns: [])
    case is Transcriber: return .files(.recordings, column: nil)
    default: return .lines(columns: [])
    }
  }

  private static func writer<Task: TaskModel>(
    of task: Task
  ) -> (@Sendable (DataSource, [String: [String]], String) throws -> Void)? {
    func opened<Answer: FileAnswer>(_: Answer.Type) -> @Sendable (DataSource, [String: [String]], String) throws -> Void
    {
      { source, given, path in
        let request = try Task.Request(given)
        let answers = try task.predict(task.examples(from: source, request), request)
        try Answer.write(answers.compactMap { $0 as? Answer }, to: path)
      }
    }
    guard let kind = Task.Answer.self as? any FileAnswer.Type else { return nil }
    return opened(kind)
  }

  private static func stream(
    of task: some TaskModel
  ) -> (@Sendable ([String: [String]]) throws -> LanguageStream)? {
    guard let model = task as? LanguageModel else { return nil }
    return { given in
      let request = try LanguageRequest(given)
      return model.stream(after: request.prompt ?? "", request)
    }
  }

  /// Options as the task takes them: flags without a value, lists as one text between commas.
  ///
  /// - Throws: 400 for one that there is not, that names a file, or that has not as many values as it takes.
  func checked(_ given: [String: [String]]) throws(Failure) -> [String: [String]] {
    for name in given.keys.sorted() where !options.contains(where: { $0.name == name }) {
      let hint = nearestName(to: name, among: options.map(\.name)).map { "; did you mean \($0.quoted)?" }
      throw Failure(400, "the task \(self.name) has no option \(name.quoted)\(hint ?? "")")
    }
    var checked = given
    for option in options {
      guard let texts = given[option.name] else { continue }
      switch option.kind {
      case "flag":
        guard texts.count < 2, ["", "true", "1", "false", "0"].contains(texts.first ?? "") else {
          throw Failure(
            400, "the option \(option.name.quoted) is given or not: true, false, 1 or 0, not \(texts[0].quoted)")
        }
        checked[option.name] = ["false", "0"].contains(texts.first) ? nil : []
      case "value":
        guard texts.count == 1 || texts.count > 1 && option.isList else {
          throw Failure(400, "the option \(option.name.quoted) takes one value")
        }
        checked[option.name] = [texts.joined(separator: ",")]
      default: break
      }
    }
    return checked
  }

  /// Makes sure that rows of JSON have the columns that are read: a table of one other column would be taken for lines
  /// of text, of which its name is the first.
  ///
  /// - Parameter rows: The names that each row has.
  /// - Throws: 400 with the column that is missing.
  func check(rows: [Set<String>]) throws(Failure) {
    guard case .lines(let columns) = input else { return }
    for (index, names) in rows.enumerated() {
      for column in columns where !names.contains(where: { $0.lowercased() == column.lowercased() }) {
        let others = names.sorted().prefix(12).map(\.quoted).joined(separator: ", ")
        throw Failure(
          400,
          "row \(index + 1) has no \(column.quoted)\(others.isEmpty ? "" : ", only " + others); name it so, or send lines as "
            + "text")
      }
    }
  }

  /// Files that a request brought as the task takes them: each alone, or named by a table; of one that holds several
  /// images or clips each.
  ///
  /// - Parameters:
  ///   - names: the names of the files.
  ///   - folder: where they lie, with a slash at its end.
  /// - Throws: What reading arrays throws.
  func source(of names: [String], in folder: String) throws(DataError) -> DataSource {
    var (paths, column): ([String], String?) = ([], nil)
    if case .files(let files, let named) = input {
      column = named
      for name in names {
        if files == .recordings {
          paths.append(folder + name)
        } else {
          paths += try ClipLibrary.paths(in: folder + name)
        }
      }
    }
    guard let column else { return DataSource(paths: paths) }
    let rows = [column] + paths.map { String($0.dropFirst(folder.count)) }
    let table = rows.map { TaskRequestBody.field($0) + "\n" }.joined()
    return DataSource([.bytes(Array(table.utf8), name: folder + "request.csv")])
  }

  /// What the page and programs need to know to ask.
  var description: JSON {
    let frame: JSON =
      input.frameShape.map { ["rows": .integer($0[0]), "columns": .integer($0[1]), "channels": .integer($0[2])] }
      ?? .null
    return [
      "name": .text(name), "purpose": .text(purpose), "streams": .bool(stream != nil),
      "answersWithoutData": .bool(answersWithoutData), "explains": .bool(explains),
      "input": .text(input.description.kind),
      "columns": .array(input.description.columns.map { .text($0) }), "frame": frame,
      "writes": .array(write == nil ? [] : [.text(MediaType.npy), .text(MediaType.gif)]),
      "options": .array(
        options.map {
          [
            "name": .text($0.name), "kind": .text($0.kind), "valueName": .text($0.valueName), "help": .text($0.help),
          ]
        }),
    ]
  }
}

/// What the first answer was made of.
struct Explained: Sendable {
  /// A whole page.
  let page: String
  let json: String
  /// What was mended or assumed in reading the data.
  let notes: [String]
}

/// What was mended or assumed in reading data, in the head of an answer.
enum ReadingNotes {
  static let header = HTTPField.Name("X-Refrain-Notes")!
  /// The most notes, and the most bytes of them, that a head takes.
  private static let (most, longest) = (20, 4000)

  /// An array of texts as JSON in ASCII; nil where there is nothing to say.
  static func field(_ notes: [String]) -> String? {
    var shown: [String] = []
    var length = 0
    for note in notes.prefix(most) {
      let text = ascii(jsonText(note))
      length += text.utf8.count
      guard length <= longest else { break }
      shown.append(text)
    }
    if shown.count < notes.count { shown.append("\"\(notes.count - shown.count) more of the kind\"") }
    return shown.isEmpty ? nil : "[" + shown.joined(separator: ",") + "]"
  }

  /// Text of JSON with escapes in place of what is not ASCII.
  private static func ascii(_ text: String) -> String {
    var result = ""
    for unit in text.utf16 {
      if (32..<127).contains(unit), let scalar = UnicodeScalar(unit) {
        result.unicodeScalars.append(scalar)
      } else {
        let digits = String(unit, radix: 16)
        result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
      }
    }
    return result
  }
}

/// Answers as text: values of JSON are not handed from thread to thread.
struct TaskAnswers: Sendable {
  /// What was mended or assumed in reading the data.
  var notes: [String] = []
  /// An array, as `refrain predict --format json` writes it.
  let array: String
  /// A value on each line, as `--format jsonl` does.
  let lines: String

  init(_ answers: [JSON], notes: [String] = []) {
    self.init(notes: notes, array: JSON.array(answers).text() + "\n", lines: answers.map { $0.line + "\n" }.joined())
  }

  private init(notes: [String], array: String, lines: String) {
    (self.notes, self.array, self.lines) = (notes, array, lines)
  }

  /// The same with other words in place of the path of a file that only the server knows.
  func replacing(_ path: String, with words: String) -> TaskAnswers {
    let notes = notes.map { $0.replacing(path, with: words) }
    let (path, words) = (jsonText(path).dropFirst().dropLast(), jsonText(words).dropFirst().dropLast())
    return TaskAnswers(
      notes: notes, array: array.replacing(path, with: words), lines: lines.replacing(path, with: words))
  }
}
