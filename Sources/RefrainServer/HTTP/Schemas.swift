import RefrainData

/// The forms of bodies and answers, for the description of the routes.
enum Schemas {
  /// All of them, by name.
  static var all: [(key: String, value: JSON)] {
    [
      ("Failure", object(["error": text], required: ["error"])),
      (
        "ServerMetadata",
        object(
          ["name": text, "version": text, "extensions": array(text)], required: ["name", "version", "extensions"])
      ),
      (
        "TensorMetadata",
        object(
          ["name": text, "datatype": text, "shape": array(integer), "parameters": anyObject],
          required: ["name", "datatype", "shape"])
      ),
      (
        "ModelMetadata",
        object(
          [
            "name": text, "versions": array(text), "platform": text, "inputs": array(reference("TensorMetadata")),
            "outputs": array(reference("TensorMetadata")),
            "parameters": object(["fingerprint": text, "tensors": text]),
          ], required: ["name", "platform", "inputs", "outputs"])
      ),
      (
        "InferenceRequest",
        object(
          [
            "id": text, "parameters": reference("InferenceParameters"), "inputs": array(reference("RequestInput")),
            "outputs": array(reference("RequestOutput")),
          ], required: ["inputs"])
      ),
      (
        "InferenceParameters",
        object([
          "sequence_id": any(text, integer), "sequence_start": boolean, "sequence_end": boolean,
          "binary_data_output": boolean,
        ])
      ),
      (
        "RequestInput",
        object(
          [
            "name": text, "datatype": text, "shape": array(integer), "data": array([:]),
            "parameters": object(["binary_data_size": integer]),
          ], required: ["name", "datatype", "shape"])
      ),
      ("RequestOutput", object(["name": text, "parameters": object(["binary_data": boolean])], required: ["name"])),
      (
        "InferenceAnswer",
        object(
          [
            "id": text, "model_name": text, "model_version": text, "outputs": array(reference("RequestInput")),
          ], required: ["model_name", "outputs"])
      ),
      ("ModelList", object(["models": array(anyObject)], required: ["models"])),
      (
        "TaskRequest",
        any(
          object([
            "text": text, "csv": text, "rows": array(anyObject), "clips": array(array([:])), "options": anyObject,
          ]), array(anyObject))
      ),
      ("TaskAnswers", array([:])),
      ("SessionBeginning", object(["model": text])),
      (
        "Session",
        object(
          [
            "id": text, "model": text, "fingerprint": text, "kind": text, "steps": integer, "last": [:],
            "sequence": text,
            "idleSeconds": number, "snapshots": array(object(["name": text, "steps": integer])),
          ], required: ["id", "model", "kind", "steps", "last", "idleSeconds", "snapshots"])
      ),
      (
        "SessionList",
        object(
          ["live": integer, "stored": integer, "sessions": array(anyObject)], required: ["live", "stored", "sessions"])
      ),
      ("Steps", object(["input": [:], "inputs": array([:]), "text": text, "end": boolean])),
      ("Foreseen", object(["steps": integer, "next": array([:])], required: ["steps", "next"])),
      ("Writing", object(["options": anyObject])),
      ("Written", object(["steps": integer, "tokens": integer, "text": text], required: ["steps", "tokens", "text"])),
      (
        "Outputs",
        object(
          ["steps": integer, "outputs": array([:]), "gates": array(reference("Gate"))], required: ["steps", "outputs"])
      ),
      (
        "Gate",
        object(["layer": integer, "name": text, "values": array(number)], required: ["layer", "name", "values"])
      ),
      ("SnapshotName", object(["snapshot": text, "steps": integer])),
    ]
  }

  private static var text: JSON { ["type": .text("string")] }
  private static var number: JSON { ["type": .array([.text("number"), .text("null")])] }
  private static var integer: JSON { ["type": .text("integer")] }
  private static var boolean: JSON { ["type": .text("boolean")] }
  private static var anyObject: JSON { ["type": .text("object")] }

  private static func array(_ items: JSON) -> JSON { ["type": .text("array"), "items": items] }
  private static func reference(_ name: String) -> JSON { ["$ref": .text("#/components/schemas/" + name)] }
  private static func any(_ forms: JSON...) -> JSON { ["anyOf": .array(forms)] }

  private static func object(_ properties: KeyValuePairs<String, JSON>, required: [String] = []) -> JSON {
    var members: [(key: String, value: JSON)] = [
      ("type", .text("object")), ("properties", .object(properties.map { ($0.key, $0.value) })),
    ]
    if !required.isEmpty { members.append(("required", .array(required.map { .text($0) }))) }
    return .object(members)
  }
}
