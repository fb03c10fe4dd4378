import RefrainData

/// What a request to a task brings: data, and options.
struct TaskRequestBody: Sendable {
  /// The data; nil where there are none.
  var data: (bytes: [UInt8], name: String)?
  /// The texts of each option by its name.
  var options: [String: [String]] = [:]
  /// The names that each of the rows has, where the data are rows of JSON; empty else.
  var rowNames: [Set<String>] = []
  /// What the data are.
  var kind = Kind.text
  /// Images and clips that came as arrays in JSON, as files of NumPy's: by the names that rows have for them, each with
  /// how many frames it has.
  var arrays: [(name: String, bytes: [UInt8], frames: Int)] = []
  /// The columns of rows that have arrays.
  var arrayColumns: Set<String> = []

  /// What the bytes of a body are.
  enum Kind: Sendable {
    case text, recording, frames
    /// Nobody has said.
    case bytes
  }

  /// Types of bodies that are a file as it is, with the ending of its name.
  static let files = [
    "text/csv": "csv", "text/tab-separated-values": "tsv", "text/plain": "txt", "application/x-ndjson": "jsonl",
    "application/jsonl": "jsonl", "application/octet-stream": "txt", "audio/wav": "wav", "audio/x-wav": "wav",
    "audio/wave": "wav", "audio/vnd.wave": "wav",
  ]

  /// Types of bodies that are images and clips, with the ending of their names: what is read in Swift.
  static let frames = [
    "image/png": "png", MediaType.gif: "gif", "image/x-portable-graymap": "pgm", "image/x-portable-pixmap": "ppm",
    "image/x-portable-anymap": "pnm", MediaType.npy: "npy",
  ]

  /// A form with one file.
  static let form = "multipart/form-data"
  /// All types of bodies but JSON.
  static var types: [String] { (Array(files.keys) + Array(frames.keys) + [form]).sorted() }

  /// Reads a body of any of the types, and the options in the query.
  ///
  /// - Throws: 400 for JSON that is not understood, 415 for a type that is not known.
  init(_ call: Call, _ body: [UInt8]) throws(Failure) {
    for (name, value) in call.query { options[name] = value.isEmpty ? [] : [value] }
    let type = call.contentType
    if body.isEmpty { return }
    if type == Self.form {
      try read(FormBody(body, type: call.headers[.contentType] ?? ""))
      return
    }
    if let ending = Self.files[type] ?? Self.frames[type] {
      take(body, ending: ending, isKnown: type != MediaType.bytes)
      return
    }
    guard type == MediaType.json || type.isEmpty else {
      throw Failure(
        415,
        "a body of the type \(type.quoted) is not read; there are application/json, \(Self.form), "
          + (Array(Self.files.keys) + Array(Self.frames.keys)).sorted().joined(separator: ", "))
    }
    guard body.count <= InferenceRequest.longestJSON else {
      throw Failure(413, "more than \(memoryText(InferenceRequest.longestJSON)) of JSON; send a file as text/csv")
    }
    let json: JSONValue
    do throws(DataError) { json = try JSONValue(body, name: "the request") } catch {
      throw Failure(400, error.problem)
    }
    try read(json)
  }

  /// - Parameter isKnown: Whether somebody has said what it is.
  private mutating func take(_ file: [UInt8], ending: String, isKnown: Bool = true) {
    data = (file, "the body." + ending)
    kind = !isKnown ? .bytes : ending == "wav" ? .recording : Self.frames.values.contains(ending) ? .frames : .text
  }

  /// Bytes of which nothing was said are what the task reads: a recording if they begin as one, images, or else text.
  mutating func settleKind(for input: TaskDoor.Input) {
    guard kind == .bytes else { return }
    switch input {
    case .files(.frames, _):
      kind = .frames
      data?.name = "the body.npy"
    case .files(.recordings, _) where data?.bytes.starts(with: Array("RIFF".utf8)) == true: kind = .recording
    default: kind = .text
    }
  }

  /// The files to be written for a task that reads such: by their names, which are of the server's own choosing.
  var files: [(name: String, bytes: [UInt8])] {
    guard let data, kind != .text else { return arrays.map { ($0.name, $0.bytes) } }
    let ending = data.name.split(separator: ".").last ?? ""
    return [(name: (kind == .recording ? "recording." : "clip.") + ending, bytes: data.bytes)]
  }

  /// A form: its file is the data, its fields are options.
  private mutating func read(_ form: FormBody) throws(Failure) {
    for (name, value) in form.fields {
      guard options.updateValue(value.isEmpty ? [] : [value], forKey: name) == nil else {
        throw Failure(400, "\(name.quoted) is in the query and in the form")
      }
    }
    guard let file = form.file else { return }
    // Many programs say of any file that it is bytes.
    let dot = file.name.lastIndex(of: ".")
    let ending = dot.map { file.name[file.name.index(after: $0)...].lowercased() } ?? ""
    let type = String(file.type.prefix { $0 != ";" }).lowercased()
    let known = Set(Self.files.values).union(Self.frames.values)
    guard let found = known.contains(ending) ? ending : Self.files[type] ?? Self.frames[type] else {
      throw Failure(
        415,
        "a file of the type \(type.quoted) is not read; its name may end in "
          + known.sorted().map { "." + $0 }.joined(separator: ", "))
    }
    take(file.bytes, ending: found, isKnown: known.contains(ending) || type != MediaType.bytes)
  }

  private mutating func read(_ json: JSONValue) throws(Failure) {
    if case .array(let rows) = json { return try take(rows) }
    guard case .object(let members) = json else {
      throw Failure(400, "the request is neither an object nor an array of rows")
    }
    for (name, value) in members.sorted(by: { $0.key < $1.key }) {
      switch (name, value) {
      case ("text", .string(let text)): try take(Array(text.utf8), "the text.txt")
      case ("csv", .string(let text)): try take(Array(text.utf8), "the table.csv")
      case ("rows", .array(let rows)): try take(rows)
      case ("clips", .array(let clips)):
        guard data == nil, arrays.isEmpty else { throw Self.severalData }
        for clip in clips { _ = try take(clip, called: "clip") }
      case ("options", .object(let given)):
        for (name, value) in given { options[name] = try Self.texts(value, of: name) }
      case ("options", .null), ("text", .null), ("csv", .null), ("rows", .null), ("clips", .null):
        break
      default:
        throw Failure(
          400,
          "the request has a member \(name.quoted) that is not understood; there are text, csv (texts), rows "
            + "(an array of objects), clips (an array of images or clips) and options (an object)")
      }
    }
  }

  private mutating func take(_ rows: [JSONValue]) throws(Failure) {
    guard arrays.isEmpty else { throw Self.severalData }
    // An array in a row stands for a file.
    var rows = rows
    for (index, row) in rows.enumerated() {
      guard case .object(var members) = row else { continue }
      for (name, value) in members.sorted(by: { $0.key < $1.key }) where value.array != nil {
        members[name] = .string(try take(value, called: name))
        arrayColumns.insert(name)
      }
      rows[index] = .object(members)
    }
    try take(Self.csv(rows), "the rows.csv")
    rowNames = rows.map { row in if case .object(let members) = row { Set(members.keys) } else { [] } }
  }

  private mutating func take(_ bytes: [UInt8], _ name: String) throws(Failure) {
    guard data == nil, arrays.isEmpty || !arrayColumns.isEmpty else { throw Self.severalData }
    data = (bytes, name)
  }

  private static var severalData: Failure { Failure(400, "the request has more than one of text, csv, rows and clips") }

  /// The most axes of an array: frames, rows, columns and channels.
  private static let mostAxes = 4

  /// Takes an image or a clip: numbers in arrays in each other. Returns the name of its file.
  private mutating func take(_ value: JSONValue, called what: String) throws(Failure) -> String {
    var (shape, values): ([Int], [Float]) = ([], [])
    var first = value
    while let inner = first.array, shape.count <= Self.mostAxes {
      shape.append(inner.count)
      guard let next = inner.first else { break }
      first = next
    }
    func add(_ value: JSONValue, _ depth: Int) throws(Failure) {
      if depth < shape.count, let inner = value.array, inner.count == shape[depth] {
        for value in inner { try add(value, depth + 1) }
      } else if depth == shape.count, let number = value.number, Float(number).isFinite {
        values.append(Float(number))
      } else {
        throw Failure(
          400,
          "the values of \(what.quoted) are neither text nor a number, and no frames: these are arrays of rows of "
            + "numbers, all of one length")
      }
    }
    guard (2...Self.mostAxes).contains(shape.count), shape.count < Self.mostAxes || [1, 3].contains(shape.last) else {
      throw Failure(
        400,
        "the value of \(what.quoted) is neither text nor a number, and no frames: [rows, columns], "
          + "[frames, rows, columns] or [frames, rows, columns, 1 or 3]")
    }
    try add(value, 0)
    let name = "clip-\(arrays.count + 1).npy"
    do throws(DataError) {
      arrays.append((name, try NumericArray(values, shape: shape).npy(), frames: shape.count == 2 ? 1 : shape[0]))
    } catch { throw Failure(error) }
    return name
  }

  /// The texts of an option; true is one without a value, and false and null are none.
  private static func texts(_ value: JSONValue, of name: String) throws(Failure) -> [String]? {
    switch value {
    case .null, .bool(false): return nil
    case .bool(true): return []
    case .string(let text): return [text]
    case .number, .whole: return [JSON(value).line]
    case .array(let values):
      var all: [String] = []
      for value in values { all += try texts(value, of: name) ?? [] }
      return all
    case .object: throw Failure(400, "the option \(name.quoted) is an object")
    }
  }

  /// The most columns of a table made of rows.
  private static let mostColumns = 4096

  /// Rows that are objects as a table: a column for each name, in the order of the names.
  private static func csv(_ rows: [JSONValue]) throws(Failure) -> [UInt8] {
    var names: Set<String> = []
    for row in rows {
      guard case .object(let members) = row else { throw Failure(400, "a row is no object of names and values") }
      names.formUnion(members.keys)
      guard names.count <= mostColumns else { throw Failure(400, "the rows have more than \(mostColumns) names") }
    }
    let columns = names.sorted()
    var text = columns.map(field).joined(separator: ",") + "\n"
    for row in rows {
      let fields = try columns.map { (name) throws(Failure) -> String in
        switch row[name] {
        case .null: ""
        case .string(let text): field(text)
        case .number, .whole, .bool: JSON(row[name]).line
        default: throw Failure(400, "the value of \(name.quoted) in a row is neither text nor a number")
        }
      }
      text += fields.joined(separator: ",") + "\n"
    }
    return Array(text.utf8)
  }

  /// A field of a table.
  static func field(_ text: String) -> String {
    guard text.isEmpty || text.contains(where: { ",\"\n\r\r\n".contains($0) }) else { return text }
    return "\"" + text.replacing("\"", with: "\"\"") + "\""
  }
}
