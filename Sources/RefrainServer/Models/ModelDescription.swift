import RefrainData

extension ServedModel {
  /// The tensors that go in when it is run whole.
  var inputs: [ModelPort] { runnable?.inputs ?? [] }
  /// The tensors that come out.
  var outputs: [ModelPort] { runnable?.outputs ?? [] }

  /// What the Open Inference Protocol says of a model.
  var metadata: JSON {
    var parameters: [(key: String, value: JSON)] = [("fingerprint", .text(fingerprint))]
    if let tensorNote { parameters.append(("tensors", .text(tensorNote))) }
    return [
      "name": .text(name), "versions": .array([.text(Self.version)]), "platform": .text("refrain"),
      "inputs": .array(inputs.map(\.metadata)), "outputs": .array(outputs.map(\.metadata)),
      "parameters": .object(parameters),
    ]
  }

  /// What Triton's extension for configurations says of it; the protocol has shapes with the batch, and so has this.
  var configuration: JSON {
    var members: [(key: String, value: JSON)] = [
      ("name", .text(name)), ("platform", .text("refrain")), ("backend", .text("refrain")),
      ("max_batch_size", .integer(0)),
      ("input", .array(inputs.map(\.configuration))), ("output", .array(outputs.map(\.configuration))),
    ]
    if live is LayerStreams { members.append(("sequence_batching", .object([]))) }
    return .object(members)
  }

  /// What the page and programs need to know to use it.
  var description: JSON {
    var members: [(key: String, value: JSON)] = [
      ("name", .text(name)), ("title", .text(title)), ("fingerprint", .text(fingerprint)),
      ("inputs", .array(inputs.map(\.metadata))), ("outputs", .array(outputs.map(\.metadata))),
      ("facts", .array(facts.map { ["name": .text($0.name), "value": .text($0.value)] })),
    ]
    if let weights { members.append(("weights", .integer(weights))) }
    if let live {
      members.append(("session", ["kind": .text(live.kind), "input": .text(live.inputText)]))
    } else {
      members.append(("session", .null))
      members.append(("whyNoSession", .text(notLive ?? "")))
    }
    members.append(("task", task?.description ?? .null))
    return .object(members)
  }
}

extension ModelPort {
  /// Name, datatype and shape, −1 for an extent that may change.
  var metadata: JSON {
    var members: [(key: String, value: JSON)] = [
      ("name", .text(name)), ("datatype", .text(Datatype.name(type))),
      ("shape", .array(shape.map { .integer($0 ?? -1) })),
    ]
    if isOptional { members.append(("parameters", ["optional": .bool(true)])) }
    return .object(members)
  }

  fileprivate var configuration: JSON {
    var members: [(key: String, value: JSON)] = [
      ("name", .text(name)), ("data_type", .text("TYPE_" + Datatype.name(type))),
      ("dims", .array(shape.map { .integer($0 ?? -1) })),
    ]
    if isOptional { members.append(("optional", .bool(true))) }
    return .object(members)
  }
}
