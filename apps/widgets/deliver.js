// Hands a file to the browser, as a click on a download link would.

export default {
  render({ model }) {
    model.on("tick", () => {
      const { content, name_: name, mime } = model;
      if (!content?.byteLength) return;
      const link = document.createElement("a");
      link.href = URL.createObjectURL(new Blob([content], { type: mime }));
      link.download = name;
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
      model.send_msg({ taken: model.tick });
    });
    return document.createElement("span");
  },
};
