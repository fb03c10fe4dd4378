import HTTPTypes
import RefrainData

extension HTTPField.Name {
  /// How many bytes of a body are JSON; the rest are tensors.
  static let inferenceHeaderLength = HTTPField.Name("Inference-Header-Content-Length")!
  /// What a request is called.
  static let requestID = HTTPField.Name("X-Request-ID")!
}

/// The answer of the Open Inference Protocol, version 2.
struct InferenceAnswer: Sendable {
  let model: String
  let version: String
  let request: InferenceRequest
  /// The model's outputs in its order.
  let outputs: [(name: String, array: NumericArray)]

  /// JSON, and after it the bytes of the outputs that are wanted so.
  ///
  /// - Throws: 400 for a wanted output that there is not.
  func answer() throws(Failure) -> Answer {
    var wanted: [(name: String, array: NumericArray, isBinary: Bool)] = []
    if let named = request.outputs, !named.isEmpty {
      for output in named {
        guard let found = outputs.first(where: { $0.name == output.name }) else {
          throw Failure(
            400,
            "the model has no output \(output.name.quoted); it has "
              + outputs.map(\.name.quoted).joined(separator: ", "))
        }
        wanted.append((found.name, found.array, output.isBinary))
      }
    } else {
      wanted = outputs.map { ($0.name, $0.array, request.isBinary) }
    }
    var bytes: [UInt8] = []
    var text = "{\"model_name\":\(jsonText(model)),\"model_version\":\(jsonText(version))"
    if let id = request.id { text += ",\"id\":\(jsonText(id))" }
    text += ",\"outputs\":["
    for (index, output) in wanted.enumerated() {
      let shape = output.array.shape.map(String.init).joined(separator: ",")
      text += index > 0 ? "," : ""
      text += "{\"name\":\(jsonText(output.name)),\"datatype\":\"\(Datatype.name(output.array.type))\","
      text += "\"shape\":[\(shape)],"
      if output.isBinary {
        do throws(DataError) {
          let own = try output.array.littleEndianBytes()
          text += "\"parameters\":{\"binary_data_size\":\(own.count)}}"
          bytes += own
        } catch { throw Failure(error) }
      } else {
        text += "\"data\":"
        text.append(jsonNumbers: output.array.values)
        text += "}"
      }
    }
    text += "]}"
    guard !bytes.isEmpty else { return Answer(text, type: MediaType.json) }
    let head = Array(text.utf8)
    var answer = Answer(head + bytes, type: MediaType.bytes)
    answer.headers[.inferenceHeaderLength] = String(head.count)
    return answer
  }
}

extension String {
  /// Appends numbers as an array of JSON, each by its fewest digits; null for what is not finite, as JSON has no word
  /// for it.
  mutating func append(jsonNumbers values: NumericArray.Values) {
    switch values {
    case .floats(let values): append(jsonNumbers: values[...])
    case .integers(let values): self += "[" + values.map(String.init).joined(separator: ",") + "]"
    case .booleans(let values): self += "[" + values.map { $0 ? "true" : "false" }.joined(separator: ",") + "]"
    }
  }

  /// Appends floats as an array of JSON.
  mutating func append(jsonNumbers values: ArraySlice<Float>) {
    self += "["
    var isFirst = true
    for value in values {
      if !isFirst { self += "," }
      isFirst = false
      self += value.isFinite ? value.description : "null"
    }
    self += "]"
  }
}
