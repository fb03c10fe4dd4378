import RefrainData

/// What requests to sessions bring.
enum SessionBody {
  /// The object in a body of JSON.
  ///
  /// - Throws: 415 for a body of another type, 413 for too long a one, 400 for what is no object.
  static func json(_ body: [UInt8], type: String) throws(Failure) -> JSONValue {
    guard type == MediaType.json || type.isEmpty else {
      throw Failure(415, "a body of the type \(type.quoted) is not read here; send application/json")
    }
    guard body.count <= InferenceRequest.longestJSON else {
      throw Failure(413, "more than \(memoryText(InferenceRequest.longestJSON)) of JSON; send less at once")
    }
    if body.isEmpty { return .object([:]) }
    let json: JSONValue
    do throws(DataError) { json = try JSONValue(body, name: "the request") } catch {
      throw Failure(400, error.problem)
    }
    guard case .object = json else { throw Failure(400, "the request is no object of JSON") }
    return json
  }

  /// The steps in an object: one as `input`, or several as `inputs`.
  ///
  /// - Throws: 400 for neither, or both, or another member.
  static func steps(_ json: JSONValue) throws(Failure) -> (value: JSONValue, isSingle: Bool) {
    let (input, inputs) = (json["input"], json["inputs"])
    guard (input == .null) != (inputs == .null) else {
      throw Failure(
        400,
        (input == .null ? "there are no steps" : "the request has both input and inputs")
          + "; give one as input, or several as inputs")
    }
    try check(json, knows: ["input", "inputs"])
    return input == .null ? (inputs, false) : (input, true)
  }

  /// The numbers of steps in an object, one after the other; arrays in a step count as one.
  ///
  /// - Parameters:
  ///   - size: how many numbers a step is.
  ///   - text: what a step is, for people.
  /// - Throws: 400 for what is no number, and for another number of them.
  static func numbers(_ json: JSONValue, size: Int, _ text: String) throws(Failure) -> [Float] {
    var values: [Float] = []
    func add(_ value: JSONValue) throws(Failure) {
      switch value.nearest {
      case .array(let inner): for value in inner { try add(value) }
      case .number(let number):
        let float = Float(number)
        guard float.isFinite else { throw Failure(400, "\(number) is beyond what a float holds") }
        values.append(float)
      default: throw Failure(400, "there is something among the steps that is no number")
      }
    }
    let (given, isSingle) = try steps(json)
    let rows = isSingle ? [] : given.array ?? []
    if rows.contains(where: { $0.array != nil }) {
      for (index, row) in rows.enumerated() {
        let before = values.count
        try add(row)
        guard values.count - before == size else {
          throw Failure(
            400, "step \(index + 1) of inputs has \(values.count - before) numbers, and a step is \(text)")
        }
      }
    } else {
      try add(given)
    }
    guard !values.isEmpty, values.count % size == 0, !isSingle || values.count == size else {
      throw Failure(
        400, "\(values.count) numbers were given, and a step is \(text); give one as input, or several as inputs")
    }
    return values
  }

  /// The numbers of steps in bytes, 32-bit floats with the lowest byte first.
  ///
  /// - Throws: 400 for what are no whole steps.
  static func numbers(_ body: [UInt8], size: Int, _ text: String) throws(Failure) -> [Float] {
    guard !body.isEmpty, body.count % (4 * size) == 0 else {
      throw Failure(400, "the body has \(body.count) bytes, and a step takes \(4 * size) (\(text))")
    }
    return ElementType.float32.floats(in: body[...])
  }

  /// The name of the snapshot that is meant; nil where none is named.
  ///
  /// - Throws: 400 for what is no name, or another member.
  static func snapshot(_ json: JSONValue) throws(Failure) -> String? {
    try check(json, knows: ["snapshot", "steps"])
    guard json["snapshot"] != .null else { return nil }
    guard let name = json["snapshot"].string else {
      throw Failure(400, "the name of a snapshot is text, such as \"1\"")
    }
    return name
  }

  /// Makes sure that an object has only known members.
  ///
  /// - Throws: 400 with the name of another one.
  static func check(_ json: JSONValue, knows names: [String]) throws(Failure) {
    guard case .object(let members) = json,
      let other = members.keys.sorted().first(where: { !names.contains($0) })
    else { return }
    throw Failure(400, "the request has a member \(other.quoted); there are \(names.joined(separator: ", "))")
  }
}
