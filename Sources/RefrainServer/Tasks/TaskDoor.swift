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
  }

  /// What a task reads.
  enum Input: Equatable {
    /// Rows of a table with a header; the columns by their names, where they are known.
    case table(columns: [String])
    /// A line of text each, or rows of a table with these columns.
    case lines(columns: [String])
    /// A recording, which is a row of a table where a column is named.
    case recording(column: String?)
    /// Clips, which no request can bring.
    case clips

    /// For the page: the kind, and the names of columns.
    var description: (kind: String, columns: [String]) {
      switch self {
      case .table(let columns): ("table", columns)
      case .lines(let columns): ("lines", columns)
      case .recording: ("recording", [])
      case .clips: ("clips", [])
      }
    }
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
  /// Whether there is something to explain of its answers, to whom sends no file.
  let explains: Bool
  /// The answers, each an object of JSON as `refrain predict` writes it.
  let predict: @Sendable (DataSource, [String: [String]]) throws -> TaskAnswers
  /// What the first answer was made of: a page, and JSON; nil where there is nothing to explain.
  let explain: @Sendable (DataSource, [String: [String]]) throws -> (page: String, json: String)?
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
    input = Self.input(of: task)
    explains = Self.explains(task)
    predict = { (source: DataSource, given: [String: [String]]) throws -> TaskAnswers in
      let request = try Task.Request(given)
      let answers = try task.predict(task.examples(from: source, request), request)
      var texts: [JSON] = []
      for answer in answers { texts.append(try JSON(encoding: answer)) }
      return TaskAnswers(texts)
    }
    explain = { (source: DataSource, given: [String: [String]]) throws -> (page: String, json: String)? in
      let request = try Task.Request(given)
      let examples = try task.explained(task.examples(from: source, request), request, .first(1))
      guard let first = examples.first else { return nil }
      let explanation = first.explanation(of: 0, from: 0, points: 50)
      let page = ExplanationPage(
        title: "What the model looked at", subtitle: Task.name, explanations: [explanation])
      return (page.text, JSON.array([explanation.json()]).text() + "\n")
    }
    stream = Self.stream(of: task)
  }

  private static func input(of task: some TaskModel) -> Input {
    if let form = (task as? Classifier)?.form ?? (task as? Regressor)?.form {
      if form.readsRecordings { return .recording(column: form.recordingColumn) }
      return form.readsLines ? .lines(columns: form.columns) : .table(columns: form.columns)
    }
    switch task {
    case is Forecaster, is Detector: return .table(columns: [])
    case is Transcriber: return .recording(column: nil)
    case is FramePredictor: return .clips
    default: return .lines(columns: [])
    }
  }

  private static func explains(_ task: some TaskModel) -> Bool {
    switch input(of: task) {
    case .recording, .clips: false
    case .table, .lines: true
    }
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

  /// Makes sure that options can be asked for.
  ///
  /// - Throws: 400 for one that there is not, or that names a file.
  func check(_ given: [String: [String]]) throws(Failure) {
    for name in given.keys.sorted() where !options.contains(where: { $0.name == name }) {
      let hint = nearestName(to: name, among: options.map(\.name)).map { "; did you mean \($0.quoted)?" }
      throw Failure(400, "the task \(self.name) has no option \(name.quoted)\(hint ?? "")")
    }
    for option in options {
      guard let texts = given[option.name] else { continue }
      guard option.kind == "values" || texts.count == (option.kind == "flag" ? 0 : 1) else {
        throw Failure(400, "the option \(option.name.quoted) takes \(option.kind == "flag" ? "no" : "one") value")
      }
    }
  }

  /// What the page and programs need to know to ask.
  var description: JSON {
    [
      "name": .text(name), "purpose": .text(purpose), "streams": .bool(stream != nil),
      "answersWithoutData": .bool(answersWithoutData), "explains": .bool(explains),
      "input": .text(input.description.kind),
      "columns": .array(input.description.columns.map { .text($0) }),
      "options": .array(
        options.map {
          [
            "name": .text($0.name), "kind": .text($0.kind), "valueName": .text($0.valueName), "help": .text($0.help),
          ]
        }),
    ]
  }
}

/// Answers as text: values of JSON are not handed from thread to thread.
struct TaskAnswers: Sendable {
  /// An array, as `refrain predict --format json` writes it.
  let array: String
  /// A value on each line, as `--format jsonl` does.
  let lines: String

  init(_ answers: [JSON]) {
    self.init(array: JSON.array(answers).text() + "\n", lines: answers.map { $0.line + "\n" }.joined())
  }

  private init(array: String, lines: String) { (self.array, self.lines) = (array, lines) }

  /// The same with other words in place of the path of a file that only the server knows.
  func replacing(_ path: String, with words: String) -> TaskAnswers {
    let (path, words) = (jsonText(path).dropFirst().dropLast(), jsonText(words).dropFirst().dropLast())
    return TaskAnswers(array: array.replacing(path, with: words), lines: lines.replacing(path, with: words))
  }
}
