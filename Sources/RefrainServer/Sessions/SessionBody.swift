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
