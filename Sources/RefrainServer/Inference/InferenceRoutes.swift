import HTTPTypes
import Refrain
import RefrainData

extension Service {
  /// The routes of the Open Inference Protocol, version 2, with Triton's extensions for bytes, sequences,
  /// configurations and counts.
  var inferenceRoutes: [Route] {
    let prefixes = ["/v2/models/{model}", "/v2/models/{model}/versions/{version}"]
    var routes = [
      Route(
        method: "GET", path: "/v2", name: "serverMetadata", summary: "What the server is, and what it can.",
        tag: "Inference", gives: [Route.Content(type: MediaType.json, schema: "ServerMetadata")]
      ) { _, _, _ in
        let extensions = ["binary_tensor_data", "sequence", "model_configuration", "statistics"]
        let json: JSON = [
          "name": .text("refrain"), "version": .text(Service.version),
          "extensions": .array(extensions.map { .text($0) }),
        ]
        return Answer(json.line + "\n", type: MediaType.json)
      },
      Route(
        method: "GET", path: "/v2/health/live", name: "live", summary: "Whether the server is there.",
        tag: "Inference", isOpen: true
      ) { _, _, _ in Answer(status: 200) },
      Route(
        method: "GET", path: "/v2/health/ready", name: "ready",
        summary: "Whether the server takes requests; it does not while it ends.", tag: "Inference", failures: [503],
        isOpen: true
      ) { _, _, _ in Answer(status: self.isDraining ? 503 : 200) },
      Route(
        method: "GET", path: "/v2/models/stats", name: "statistics",
        summary: "How often each model was run: steps of sessions, and tensors.", tag: "Inference",
        gives: [Route.Content(type: MediaType.json)]
      ) { _, _, _ in self.statistics(self.shelf.models) },
      Route(
        method: "POST", path: "/v2/repository/index", name: "repositoryIndex", summary: "The models there are.",
        tag: "Inference", reading: .whole, takes: [Route.Content(type: MediaType.json)],
        gives: [Route.Content(type: MediaType.json)]
      ) { _, _, _ in
        let models = self.shelf.models.map { model -> JSON in
          [
            "name": .text(model.name), "version": .text(ServedModel.version), "state": .text("READY"),
            "reason": .text(""),
          ]
        }
        return Answer(JSON.array(models).line + "\n", type: MediaType.json)
      },
    ]
    for (place, prefix) in prefixes.enumerated() {
      let suffix = place == 0 ? "" : "OfVersion"
      routes += [
        Route(
          method: "GET", path: prefix, name: "modelMetadata" + suffix,
          summary: "What goes in and comes out of a model.",
          tag: "Inference", gives: [Route.Content(type: MediaType.json, schema: "ModelMetadata")], failures: [404]
        ) { _, names, _ in Answer(try self.model(names).metadata.line + "\n", type: MediaType.json) },
        Route(
          method: "GET", path: prefix + "/ready", name: "modelReady" + suffix,
          summary: "Whether a model answers: those that are there do.", tag: "Inference", failures: [404]
        ) { _, names, _ in
          _ = try self.model(names)
          return Answer(status: 200)
        },
        Route(
          method: "GET", path: prefix + "/config", name: "modelConfiguration" + suffix,
          summary: "What Triton's extension says of a model.", tag: "Inference",
          gives: [Route.Content(type: MediaType.json)], failures: [404]
        ) { _, names, _ in Answer(try self.model(names).configuration.line + "\n", type: MediaType.json) },
        Route(
          method: "GET", path: prefix + "/stats", name: "modelStatistics" + suffix,
          summary: "How often a model was run: steps of sessions, and tensors.", tag: "Inference",
          gives: [Route.Content(type: MediaType.json)], failures: [404]
        ) { _, names, _ in self.statistics([try self.model(names)]) },
        Route(
          method: "POST", path: prefix + "/infer", name: "infer" + suffix,
          summary: "Runs a model on tensors: whole, or with a sequence_id as the next part of a sequence.",
          tag: "Inference",
          headers: [
            Route.Parameter(
              name: "Inference-Header-Content-Length", summary: "How many bytes of the body are JSON.", type: "integer")
          ],
          reading: .whole,
          takes: [
            Route.Content(type: MediaType.json, schema: "InferenceRequest"), Route.Content(type: MediaType.bytes),
          ],
          gives: [
            Route.Content(type: MediaType.json, schema: "InferenceAnswer"), Route.Content(type: MediaType.bytes),
          ], failures: [400, 404, 413, 415, 429, 503], isBrief: true
        ) { call, names, body in try await self.infer(call, names, body) },
      ]
    }
    return routes
  }

  /// What Triton's extension for statistics says of models.
  private func statistics(_ models: [ServedModel]) -> Answer {
    let all = models.map { model -> JSON in
      let runs = meters.runs(of: model.name)
      return [
        "name": .text(model.name), "version": .text(ServedModel.version), "inference_count": .integer(runs.runs),
        "execution_count": .integer(runs.batches),
      ]
    }
    let json: JSON = ["model_stats": .array(all)]
    return Answer(json.line + "\n", type: MediaType.json)
  }

  private func model(_ names: [String: String]) throws(Failure) -> ServedModel {
    try shelf.model(names["model"], version: names["version"])
  }

  private func infer(_ call: Call, _ names: [String: String], _ body: [UInt8]) async throws -> Answer {
    let model = try model(names)
    var length: Int?
    if let text = call.header(.inferenceHeaderLength) {
      guard let number = Int(text), number >= 0 else {
        throw Failure(400, "Inference-Header-Content-Length is \(text.quoted), which is no number of bytes")
      }
      length = number
    }
    let headerLength = length
    let request = try await reading(body) { try InferenceRequest(body, headerLength: headerLength) }
    if let sequence = request.sequence { return try await infer(request, sequence, model, for: call.owner) }
    guard let runnable = model.runnable else {
      throw Failure(
        400,
        "the model \(model.name.quoted) has no network that runs on tensors; ask it at "
          + "/tasks/\(model.name)/predict")
    }
    try Self.check(request, runnable)
    // A long answer is not written on the thread on which all others wait.
    let answer = try await pool.run {
      let outputs = try runnable.run(request.inputs)
      return try InferenceAnswer(
        model: model.name, version: ServedModel.version, request: request,
        outputs: runnable.outputs.compactMap { port in outputs[port.name].map { (port.name, $0) } }
      ).answer()
    }
    meters.inferred(model.name)
    return answer
  }

  /// Makes sure that numbers are of the kind that a model wants.
  private static func check(_ request: InferenceRequest, _ model: any RunnableModel) throws(Failure) {
    for (name, array) in request.inputs.sorted(by: { $0.key < $1.key }) {
      guard let port = model.inputs.first(where: { $0.name == name }) else { continue }
      guard port.type.isFloat == array.type.isFloat, (port.type == .bool) == (array.type == .bool) else {
        throw Failure(
          400,
          "the input \(name.quoted) is of the type \(Datatype.name(array.type)), and the model wants "
            + Datatype.name(port.type))
      }
    }
  }

  /// The steps of a part of a sequence, what takes them, and what comes out.
  ///
  /// - Throws: 400 for a model without sequences, and for what does not fit.
  private static func part(
    _ request: InferenceRequest, _ model: ServedModel
  ) throws(Failure) -> (LayerStreams, LiveSteps, ModelPort) {
    guard let streams = model.live as? LayerStreams, let runnable = model.runnable,
      let output = runnable.outputs.first
    else {
      throw Failure(400, "the model \(model.name.quoted) takes no sequences: \(model.notLive ?? "its steps are rows")")
    }
    let first = runnable.inputs[0].name
    guard request.inputs.count == 1, let input = request.inputs[first] else {
      throw Failure(400, "a part of a sequence has one input, \(first.quoted)")
    }
    try check(request, runnable)
    return (streams, try streams.steps(input), output)
  }

  /// The next part of a sequence: a session under the client's own name.
  private func infer(
    _ request: InferenceRequest, _ sequence: InferenceRequest.Sequence, _ model: ServedModel, for owner: String?
  ) async throws -> Answer {
    let id: String
    if sequence.starts {
      _ = try Self.part(request, model)
      id = try sessions.begin(model, sequence: sequence.id, owner: owner).id
    } else if let known = sessions.id(of: sequence.id, model.name, for: owner) {
      id = known
    } else {
      throw Failure(
        400,
        "the sequence \(sequence.id.quoted) of the model \(model.name.quoted) has not begun, or has expired: the "
          + "first request of a sequence says sequence_start")
    }
    // A sequence goes on with the model that it began with.
    let (output, count, answered) = try await sessions.use(id, for: owner) { session in
      let (streams, steps, output) = try Self.part(request, session.model)
      return (output, steps.count, await streams.take(steps, session.box, seesGates: false))
    }
    if sequence.ends { try sessions.end(id, for: owner) }
    guard case .numbers(let values, let shape) = answered.content else { throw Failure(500, "there is no output") }
    // As the model says it of whole sequences: an output for each step, or that of the last.
    let array =
      output.shape.count == shape.count + 2
      ? NumericArray(values, shape: [1, count] + shape)
      : NumericArray(Array(values.suffix(shape.reduce(1, *))), shape: [1] + shape)
    let answer = InferenceAnswer(
      model: model.name, version: ServedModel.version, request: request, outputs: [(output.name, array)])
    guard values.count > 1 << 12 else { return try answer.answer() }
    return try await ThreadExecutor.steps.run { Result { () throws(Failure) in try answer.answer() } }.get()
  }
}
